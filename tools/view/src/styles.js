/*
 * How a module looks: a colour and a pattern each, so that one tells them apart without the other. The colours keep their
 * distance for eyes that see fewer of them (M. Okabe, K. Ito), on light and on dark.
 */
const LIGHT = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b8860b', '#56b4e9', '#7f5fc4', '#5b6770'];
const DARK = ['#4aa8e0', '#f0803c', '#2fc79a', '#e59cc6', '#e0b84a', '#8fd0f7', '#a993ea', '#9aa7b0'];
const DASHES = [[], [7, 3], [2, 3], [10, 3, 2, 3], [4, 2], [12, 4], [1, 4], [6, 2, 1, 2]];
export const STYLES = 24; // groups beyond share the last

export const SYSTEM = STYLES;
export const NOBODY = STYLES + 1;

export function styleOf( group ) {
    if( group.kind === 'system' ) return SYSTEM;
    if( group.kind === 'nobody' ) return NOBODY;
    return Math.min( group.rank, STYLES - 1 );
}

export const isDark = () => matchMedia( '(prefers-color-scheme: dark)' ).matches;

export function colour( style ) {
    if( style === SYSTEM ) return isDark() ? '#6b7480' : '#9aa3ad';
    if( style === NOBODY ) return isDark() ? '#c8ccd2' : '#3c434b';
    return ( isDark() ? DARK : LIGHT )[style % 8];
}

export const dash = ( style ) => DASHES[( style + Math.floor( style / 8 ) ) % 8];

/* Draws the pattern into a tile of 8 by 8. */
function draw( context, style ) {
    context.fillStyle = colour( style );
    context.fillRect( 0, 0, 8, 8 );
    context.strokeStyle = context.fillStyle = isDark() ? 'rgba(0,0,0,.42)' : 'rgba(255,255,255,.55)';
    context.lineWidth = 1.6;
    const line = ( ...points ) => {
        context.beginPath();
        for( let i = 0; i < points.length; i += 4 ) {
            context.moveTo( points[i], points[i + 1] );
            context.lineTo( points[i + 2], points[i + 3] );
        }
        context.stroke();
    };
    const which = style === SYSTEM ? 8 : style === NOBODY ? 9 : ( style + 3 * Math.floor( style / 8 ) ) % 8;
    if( which === 1 ) line( -1, 9, 9, -1, -5, 5, 5, -5, 3, 13, 13, 3 );
    if( which === 2 ) [2, 6].forEach( ( c ) => context.fillRect( c - 1, c - 1, 2, 2 ) );
    if( which === 3 ) line( 0, 4, 8, 4 );
    if( which === 4 ) line( -1, -1, 9, 9, 3, -5, 13, 5, -5, 3, 5, 13 );
    if( which === 5 ) line( 4, 0, 4, 8 );
    if( which === 6 ) line( 0, 4, 8, 4, 4, 0, 4, 8 );
    if( which === 8 ) line( 0, 2, 8, 2, 0, 6, 8, 6 );
    if( which === 9 ) [0, 4].forEach( ( c ) => context.fillRect( c, c, 4, 4 ) );
    if( which === 7 ) line( 0, 0, 8, 8, 8, 0, 0, 8 );
}

let tiles = [], theme = null;
function tile( style ) {
    if( theme !== isDark() ) {
        tiles = [];
        theme = isDark();
    }
    if( tiles[style] === undefined ) {
        const canvas = document.createElement( 'canvas' );
        canvas.width = canvas.height = 8;
        draw( canvas.getContext( '2d' ), style );
        tiles[style] = { canvas, url: canvas.toDataURL() };
    }
    return tiles[style];
}

export const pattern = ( context, style ) => context.createPattern( tile( style ).canvas, 'repeat' );

export function swatch( group ) {
    const element = document.createElement( 'span' );
    element.className = 'swatch';
    element.style.backgroundImage = `url(${tile( styleOf( group ) ).url})`;
    return element;
}
