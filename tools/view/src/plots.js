/* Plots over time, by uPlot. Each shows the lowest and the highest of every span of time. */
import uPlot from 'uplot';
import { BUCKETS } from './history.js';

const css = ( name ) => getComputedStyle( document.documentElement ).getPropertyValue( name ).trim();

/* Two points a bucket, in the order in which they were. */
export function points( series, factor = 1 ) {
    const values = new Float64Array( 2 * BUCKETS );
    for( let i = 0; i < BUCKETS; i++ ) {
        const upwards = series.highIsLast[i] === 1;
        values[2 * i] = ( upwards ? series.low[i] : series.high[i] ) * factor;
        values[2 * i + 1] = ( upwards ? series.high[i] : series.low[i] ) * factor;
    }
    return values;
}

export function instants( from, to ) {
    const step = ( to - from ) / BUCKETS;
    return Float64Array.from( { length: 2 * BUCKETS }, ( _, i ) => from + ( ( i >> 1 ) + 0.25 + 0.5 * ( i & 1 ) ) * step );
}

/* `lines`: { label, values, colour, dash, width }; `marks`: times of loads and unloads; `now()`: the moment; `seek( x )`. */
export function plot( element, { x, lines, marks, values, ticks, now, seek, top, height } ) {
    element.replaceChildren();
    const axis = { stroke: css( '--soft' ), grid: { stroke: css( '--line' ), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
    const chart = new uPlot(
        {
            width: Math.max( 240, element.clientWidth ),
            height,
            legend: { show: false },
            cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
            scales: { x: { time: false }, y: { range: ( _, low, high ) => [0, top ?? Math.max( 1, high * 1.05 )] } },
            series: [{}, ...lines.map( ( line ) => ( { label: line.label, stroke: line.colour, dash: line.dash, width: line.width ?? 1.6, points: { show: false }, fill: line.fill } ) )],
            axes: [{ ...axis, values: ticks, space: 70, size: 26 }, { ...axis, values, size: 66, incrs: Array.from( { length: 32 }, ( _, i ) => ( top === 100 ? [25, 50][i & 1] : 2 ** i ) ).slice( 0, top === 100 ? 2 : 32 ) }],
            hooks: {
                draw: [
                    ( u ) => {
                        const { ctx, bbox } = u;
                        const r = window.devicePixelRatio || 1;
                        ctx.save();
                        const drawn = new Set();
                        for( const mark of marks ) {
                            const at = Math.round( u.valToPos( mark.x, 'x', true ) / ( 4 * r ) ) * 4 * r;
                            const key = at + ( mark.load ? 'l' : 'u' );
                            if( drawn.has( key ) ) continue;
                            drawn.add( key );
                            ctx.fillStyle = css( mark.load ? '--good' : '--bad' );
                            const y = mark.load ? bbox.top + bbox.height : bbox.top;
                            const d = ( mark.load ? -5 : 5 ) * r;
                            ctx.beginPath();
                            ctx.moveTo( at - 3.5 * r, y );
                            ctx.lineTo( at + 3.5 * r, y );
                            ctx.lineTo( at, y + d );
                            ctx.fill();
                        }
                        const at = u.valToPos( now(), 'x', true );
                        ctx.fillStyle = css( '--accent' );
                        ctx.fillRect( at - r, bbox.top, 2 * r, bbox.height );
                        ctx.restore();
                    },
                ],
            },
        },
        [x, ...lines.map( ( line ) => line.values )],
        element,
    );
    const over = chart.over;
    const to = ( event ) => seek( chart.posToVal( event.clientX - over.getBoundingClientRect().left, 'x' ) );
    over.addEventListener( 'pointerdown', ( event ) => {
        over.setPointerCapture( event.pointerId );
        to( event );
    } );
    over.addEventListener( 'pointermove', ( event ) => {
        if( event.buttons === 1 ) to( event );
    } );
    return chart;
}
