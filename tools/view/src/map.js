/*
 * The map of a heap on a canvas: addresses from left to right, row by row. Draws each block as it is where there is room for
 * them; else, cells, each with the owner that has most of it, filled as high as it is in use. May not draw more than MOST rectangles.
 */
import { STYLES, pattern, styleOf } from './styles.js';

const MOST = 4096;
const ROW = 15; // pixels
const CELL = 7;

export class HeapMap {
    constructor( canvas ) {
        this.canvas = canvas;
        this.context = canvas.getContext( '2d' );
        this.low = this.high = 0;
        this.rectangles = 0;
    }

    /* Shows this part of the heap, in whole granules and within its bounds. */
    zoom( heap, low, high ) {
        const least = Math.min( 64 * heap.granule, heap.bytes );
        const span = Math.min( heap.bytes, Math.max( least, high - low ) );
        const from = Math.max( heap.start, Math.min( heap.start + heap.bytes - span, low ) );
        this.low = heap.start + Math.floor( ( from - heap.start ) / heap.granule ) * heap.granule;
        this.high = Math.min( heap.start + heap.bytes, this.low + Math.ceil( span / heap.granule ) * heap.granule );
        this.heap = heap;
    }

    measure() {
        const { canvas } = this;
        const scale = window.devicePixelRatio || 1;
        const width = canvas.clientWidth, height = canvas.clientHeight;
        if( canvas.width !== Math.round( width * scale ) || canvas.height !== Math.round( height * scale ) ) {
            canvas.width = Math.round( width * scale );
            canvas.height = Math.round( height * scale );
        }
        this.context.setTransform( scale, 0, 0, scale, 0, 0 );
        this.width = width;
        this.rows = Math.max( 1, Math.min( Math.floor( height / ROW ), Math.ceil( ( this.high - this.low ) / this.heap.granule ) ) );
        this.row = height / this.rows;
        this.perRow = Math.ceil( ( this.high - this.low ) / this.rows / this.heap.granule ) * this.heap.granule;
    }

    /* The parts of a span of addresses, one a row: x, y, width. */
    parts( from, to, each ) {
        from = Math.max( from, this.low );
        to = Math.min( to, this.high );
        while( from < to ) {
            const row = Math.floor( ( from - this.low ) / this.perRow );
            const end = Math.min( to, this.low + ( row + 1 ) * this.perRow );
            each( ( ( from - this.low - row * this.perRow ) / this.perRow ) * this.width, row * this.row, ( ( end - from ) / this.perRow ) * this.width );
            from = end;
        }
    }

    /* `matches`: which lives are not dimmed, null: all. */
    draw( moment, selected, matches ) {
        this.measure();
        const { context, heap } = this;
        const { lives, groups } = moment.history;
        const css = getComputedStyle( this.canvas );
        const [free, line, outer, accent] = ['--free', '--line', '--card', '--accent'].map( ( name ) => css.getPropertyValue( name ) );
        this.rectangles = 0;
        context.globalAlpha = 1;
        context.fillStyle = outer;
        context.fillRect( 0, 0, this.width, this.row * this.rows );
        context.fillStyle = free;
        this.parts( this.low, this.high, ( x, y, w ) => context.fillRect( x, y + 1, w, this.row - 2 ) );
        context.fillStyle = line; // what the heap itself needs in front
        this.parts( heap.start, heap.low, ( x, y, w ) => context.fillRect( x, y + 1, w, this.row - 2 ) );

        const seen = [];
        for( let i = 0; i < moment.count; i++ ) {
            const life = moment.live[i];
            const from = lives.address[life] - 4;
            if( lives.heap[life] === heap.index && from < this.high && from + lives.size[life] > this.low ) seen.push( life );
        }
        const styles = [];
        const fill = ( style ) => ( styles[style] ??= pattern( context, style ) );
        const roomEach = ( this.width * this.rows ) / Math.max( 1, seen.length );
        if( seen.length + this.rows <= MOST && roomEach >= 3 ) {
            for( const life of seen ) {
                context.globalAlpha = matches === null || matches( life ) ? 1 : 0.16;
                context.fillStyle = fill( styleOf( groups[moment.groupOf( life )] ) );
                const from = lives.address[life] - 4;
                this.parts( from, from + lives.size[life], ( x, y, w ) => {
                    context.fillRect( x, y + 1, w > 3 ? w - 1 : w, this.row - 2 );
                    this.rectangles++;
                } );
            }
        } else this.drawCells( seen, moment, fill, matches );

        context.globalAlpha = 1;
        if( selected >= 0 && lives.heap[selected] === heap.index ) {
            context.strokeStyle = accent;
            context.lineWidth = 2;
            context.setLineDash( moment.history.lives.start[selected] <= moment.event && lives.end[selected] > moment.event ? [] : [4, 3] );
            const from = lives.address[selected] - 4;
            this.parts( from, from + lives.size[selected], ( x, y, w ) => {
                context.strokeRect( x - 1, y, Math.max( w, 3 ) + 1, this.row );
                this.rectangles++;
            } );
            context.setLineDash( [] );
        }
        this.canvas.dataset.rectangles = this.rectangles;
    }

    drawCells( seen, moment, fill, matches ) {
        const { context } = this;
        const { lives, groups } = moment.history;
        const columns = Math.max( 1, Math.min( Math.floor( this.width / CELL ), Math.floor( ( MOST - this.rows ) / this.rows ) ) );
        const cells = columns * this.rows;
        const per = this.perRow / columns;
        const held = new Float32Array( cells * ( STYLES + 2 ) ), dim = new Float32Array( cells );
        for( const life of seen ) {
            const style = styleOf( groups[moment.groupOf( life )] );
            const matched = matches === null || matches( life );
            let from = Math.max( this.low, lives.address[life] - 4 );
            const to = Math.min( this.high, lives.address[life] - 4 + lives.size[life] );
            while( from < to ) {
                const cell = Math.min( cells - 1, Math.floor( ( from - this.low ) / per + 1e-9 ) );
                const end = Math.min( to, Math.max( from + 1, this.low + ( cell + 1 ) * per ) );
                held[cell * ( STYLES + 2 ) + style] += end - from;
                if( !matched ) dim[cell] += end - from;
                from = end;
            }
        }
        const width = this.width / columns;
        for( let cell = 0; cell < cells; cell++ ) {
            let sum = 0, most = 0, style = 0;
            for( let i = 0; i < STYLES + 2; i++ ) {
                const bytes = held[cell * ( STYLES + 2 ) + i];
                sum += bytes;
                if( bytes > most ) [most, style] = [bytes, i];
            }
            if( sum === 0 ) continue;
            const height = Math.max( 1.5, ( this.row - 2 ) * Math.min( 1, sum / per ) );
            context.globalAlpha = dim[cell] > sum / 2 ? 0.16 : 1;
            context.fillStyle = fill( style );
            context.fillRect( ( cell % columns ) * width, ( Math.floor( cell / columns ) + 1 ) * this.row - 1 - height, width - 0.5, height );
            this.rectangles++;
        }
    }

    /* The address at a point of the canvas. */
    addressAt( x, y ) {
        const row = Math.max( 0, Math.min( this.rows - 1, Math.floor( y / this.row ) ) );
        return this.low + row * this.perRow + Math.floor( ( Math.max( 0, Math.min( 1, x / this.width ) ) * this.perRow ) / 4 ) * 4;
    }
}
