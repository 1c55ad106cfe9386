/*
 * DMOD's own critical section, which protects nothing on a host: a platform brings a real one.
 */
#include "dmod.h"

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _EnterCritical, (void))
{
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _ExitCritical, (void))
{
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, bool, _IsInsideInterrupt, (void))
{
    return false;
}
