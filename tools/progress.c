/*
 * Draws a bar; see progress.h.
 */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

enum
{
    MUCH  = 4 << 20, /* bytes: what is read at once needs no bar */
    WIDTH = 50
};

static unsigned shown;   /* percent and one, 0: there is no bar */
static int      to = -1; /* whether there is who sees it; negative: not known yet */

void progress_show( uint64_t done, uint64_t all )
{
    if( all < MUCH ) return;
    unsigned percent = (unsigned)( (double)done * 100 / (double)all );
    if( to < 0 ) to = isatty( STDERR_FILENO );
    if( percent + 1 == shown || to == 0 ) return;
    unsigned bar = percent * WIDTH / 100;
    (void)fprintf( stderr, "\r[%.*s%*s] %3u %%", (int)bar, "##################################################",
                   (int)( WIDTH - bar ), "", percent );
    (void)fflush( stderr );
    shown = percent + 1;
}

void progress_end( void )
{
    if( shown != 0 ) (void)fprintf( stderr, "\r%*s\r", WIDTH + 8, "" );
    shown = 0;
}
