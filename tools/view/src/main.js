/*
 * The page: what is chosen (heap, moment, block, search) and everything that shows it. Decodes nothing itself.
 */
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { open } from './image.js';
import { History, NEVER } from './history.js';
import { Moment } from './moment.js';
import { HeapMap } from './map.js';
import { instants, plot, points } from './plots.js';
import { colour, dash, styleOf, swatch } from './styles.js';
import { OP, OP_NAMES, REASONS } from './trace.js';
import { FORMATS, exported } from './export.js';

const $ = ( id ) => document.getElementById( id );
const ROWS_MOST = 200;
const LINES_MOST = 8;

let history, moment, heap, map, charts = [];
let selected = -1;
let chosenGroup = -1;
let name = '';
let figures = null;

/* ---- Words ---- */

const number = ( value ) => Math.round( value ).toLocaleString( 'en-US' );
const percent = ( value ) => ( 100 * value ).toFixed( 1 ) + ' %';
function hex( value ) {
    const wide = history.source.pointer === 8 ? 64 : 32;
    return '0x' + ( value < 0 ? BigInt.asUintN( wide, BigInt( value ) ) : value ).toString( 16 ).padStart( wide === 32 ? 8 : 1, '0' );
}
function short( bytes ) {
    const in1 = ( unit ) => Number( ( bytes / unit ).toFixed( 1 ) );
    return bytes >= 2 ** 20 ? in1( 2 ** 20 ) + ' MiB' : bytes >= 1024 ? in1( 1024 ) + ' KiB' : bytes + ' B';
}
function span( ticks ) {
    if( !history.clocked ) return number( ticks ) + ( ticks === 1 ? ' event' : ' events' );
    const seconds = ticks / history.source.ticks;
    if( seconds >= 120 ) return ( seconds / 60 ).toFixed( 1 ) + ' min';
    return seconds >= 1 ? seconds.toFixed( 3 ) + ' s' : seconds >= 1e-3 ? ( seconds * 1e3 ).toFixed( 2 ) + ' ms' : ( seconds * 1e6 ).toFixed( 1 ) + ' µs';
}
const instant = ( event ) => ( history.clocked ? ( history.time[event] / history.source.ticks ).toFixed( 6 ) + ' s' : 'event ' + number( event + 1 ) );
const plural = ( count, word ) => `${number( count )} ${word}${count === 1 ? '' : 's'}`;

/* <tag class>children</tag> */
function element( tag, className, ...children ) {
    const made = document.createElement( tag );
    if( className ) made.className = className;
    made.append( ...children );
    return made;
}
function action( text, act, className = '' ) {
    const button = element( 'button', className, text );
    button.addEventListener( 'click', act );
    return button;
}
function label( group ) {
    const text = element( 'span', 'name', group.name );
    text.title = group.name;
    return [swatch( group ), text];
}

/* ---- Search ---- */

/* What a query means: a test of lives, null: of all. */
function query( text ) {
    const { lives, groups } = history;
    const tests = text.trim().toLowerCase().split( /\s+/ ).filter( Boolean ).map( ( word ) => {
        const size = /^([<>=])(\d+)$/.exec( word );
        if( size ) {
            const bytes = Number( size[2] );
            return ( life ) => ( size[1] === '<' ? lives.size[life] < bytes : size[1] === '>' ? lives.size[life] > bytes : lives.size[life] === bytes || lives.requested[life] === bytes );
        }
        if( /^0x[0-9a-f]+$/.test( word ) ) {
            const at = Number( BigInt.asIntN( 64, BigInt( word ) ) );
            return ( life ) => lives.caller[life] === at || ( at >= lives.address[life] - 4 && at < lives.address[life] - 4 + lives.size[life] );
        }
        return ( life ) => groups[moment.groupOf( life )].name.toLowerCase().includes( word );
    } );
    if( chosenGroup >= 0 ) tests.push( ( life ) => moment.groupOf( life ) === chosenGroup );
    return tests.length === 0 ? null : ( life ) => tests.every( ( test ) => test( life ) );
}

/* ---- Showing ---- */

let matches = null, waiting = false;

/* Shows the moment anew, once a frame. */
function refresh() {
    if( waiting ) return;
    waiting = true;
    requestAnimationFrame( () => {
        waiting = false;
        const from = performance.now();
        matches = query( $( 'search' ).value );
        figures = moment.figures( heap );
        map.draw( moment, selected, matches );
        showEvent();
        showFigures();
        showModules();
        showBlock();
        showBlocks();
        for( const chart of charts ) chart.redraw( false );
        document.body.dataset.frame = ( performance.now() - from ).toFixed( 1 );
        document.body.dataset.event = moment.event;
    } );
}

function showEvent() {
    if( history.source.kind !== 'trace' ) return;
    const e = moment.event;
    const { lives, groups } = history;
    const life = history.begun[e] >= 0 ? history.begun[e] : history.ended[e];
    let what = OP_NAMES[history.op[e]] || 'an op that this page does not know';
    if( life >= 0 ) what += ` ${number( lives.requested[life] )} bytes for ${groups[moment.groupOf( life )].name} at ${hex( lives.address[life] )}`;
    const load = history.loads.find( ( one ) => one.event === e );
    if( load ) what += ' ' + groups[load.group].name;
    const refusal = history.refusals.find( ( one ) => one.event === e );
    if( refusal ) what += ` ${number( refusal.requested )} bytes for ${refusal.module || 'nobody'}: ${REASONS[refusal.reason] ?? REASONS[0]}`;
    $( 'event' ).textContent = `${history.clocked ? instant( e ) + ' · event ' : 'Event '}${number( e + 1 )} of ${number( history.count )} · ${what}`;
    $( 'slider' ).value = e;
    $( 'slider' ).setAttribute( 'aria-valuetext', $( 'event' ).textContent );
}

function showFigures() {
    const f = figures;
    const list = [
        ['Size', number( heap.bytes )], ['Used', number( f.used )], ['The heap itself', number( f.system + heap.control )], ['Free', number( f.free )],
        ['Largest free', number( f.largest )], ['Fragmentation', percent( f.fragmentation )], ['Blocks', number( f.userBlocks )], ['Free blocks', number( f.holes )],
    ];
    $( 'figures' ).replaceChildren( ...list.map( ( [term, value] ) => element( 'div', '', element( 'dt', '', term ), element( 'dd', '', value ) ) ) );
    $( 'map-title' ).textContent = f.stands ? 'Heap' : 'Heap (not there at this moment)';
    $( 'span' ).textContent = `${hex( map.low )} – ${hex( map.high )}, ${short( map.perRow )} a row`;
    const bar = $( 'where' ).firstElementChild;
    bar.style.marginLeft = `${( 100 * ( map.low - heap.start ) ) / heap.bytes}%`;
    bar.style.width = `${( 100 * ( map.high - map.low ) ) / heap.bytes}%`;
}

function showModules() {
    const f = figures;
    const whole = Math.max( 1, f.used + f.system );
    const peaks = new Map( ( history.source.heaps ?? [] ).flatMap( ( one ) => one.owners.map( ( owner ) => [owner.name, owner.peak] ) ) );
    const order = [...f.present].sort( ( a, b ) => f.bytes[b] - f.bytes[a] );
    const had = document.activeElement?.closest?.( '#modules tr' )?.dataset.group;
    $( 'modules' ).tBodies[0].replaceChildren( ...order.slice( 0, ROWS_MOST ).map( ( index ) => {
        const group = history.groups[index];
        const peak = history.source.kind === 'trace' ? group.series[heap.index]?.top ?? 0 : peaks.get( group.name ) ?? 0;
        const choose = action( '', () => choose1( index ) );
        choose.append( ...label( group ) );
        choose.setAttribute( 'aria-pressed', chosenGroup === index );
        const row = element( 'tr', chosenGroup === index ? 'chosen' : '', element( 'td', '', choose ), ...[number( f.bytes[index] ), percent( f.bytes[index] / whole ), number( f.blocks[index] ), peak > 0 ? number( peak ) : '–'].map( ( text ) => element( 'td', '', text ) ) );
        row.dataset.group = index;
        return row;
    } ) );
    if( had !== undefined ) document.querySelector( `#modules tr[data-group="${had}"] button` )?.focus();
}

function choose1( group ) {
    chosenGroup = chosenGroup === group ? -1 : group;
    refresh();
}

function showBlock() {
    const to = $( 'block' );
    const { lives, groups } = history;
    if( selected < 0 ) {
        if( !to.firstElementChild?.matches( 'p' ) ) to.replaceChildren( element( 'p', 'soft', 'Choose a block in the map or in the list.' ) );
        return;
    }
    const life = selected;
    const isTrace = history.source.kind === 'trace';
    const live = lives.start[life] <= moment.event && lives.end[life] > moment.event;
    const group = groups[moment.groupOf( life )];
    const age = history.clock( Math.min( moment.event, lives.end[life] ) ) - history.clock( lives.born[life] );
    const code = ( text ) => element( 'code', '', text );
    const rows = [
        ['Address', code( hex( lives.address[life] ) )],
        ['Owner', element( 'span', '', ...label( group ) )],
        ['Size', `${number( lives.size[life] )} bytes`],
        [isTrace || history.source.guard ? 'Asked for' : 'Can be used', `${number( lives.requested[life] )} bytes` + ( lives.alignment[life] > 0 ? `, aligned to ${number( lives.alignment[life] )}` : '' )],
    ];
    if( isTrace ) {
        rows.push( ['Age', age < 0 ? 'not allocated yet' : span( age )], ['Allocated', instant( lives.born[life] )] );
        if( lives.before[life] >= 0 ) rows.push( ['Changed', `${instant( lives.start[life] )}, was ${number( lives.size[lives.before[life]] )} bytes at ${hex( lives.address[lives.before[life]] )}`] );
        rows.push( ['Freed', lives.end[life] === NEVER ? 'not in this trace' : `${instant( lives.end[life] )} (${OP_NAMES[history.op[lives.end[life]]]})`] );
    }
    if( lives.caller[life] !== 0 ) rows.push( ['Caller', code( hex( lives.caller[life] ) )] );
    if( isTrace && lives.thread[life] !== 0 ) rows.push( ['Thread', number( lives.thread[life] )] );
    const table = element( 'table', '', element( 'tbody', '', ...rows.map( ( [term, value] ) => element( 'tr', '', element( 'td', '', term ), element( 'td', '', value ) ) ) ) );
    const key = [life, live, moment.event, group.index].join();
    if( to.dataset.key === key ) return;
    to.dataset.key = key;
    const actions = element( 'div', 'actions', action( 'Zoom to it', zoomToBlock ) );
    if( isTrace ) actions.append( action( 'When allocated', () => seek( lives.born[life] ) ) );
    if( isTrace && lives.end[life] !== NEVER ) actions.append( action( 'When freed', () => seek( lives.end[life] ) ) );
    if( lives.caller[life] !== 0 ) actions.append( action( 'Same caller', () => search( hex( lives.caller[life] ) ) ) );
    const focused = to.contains( document.activeElement ) ? [...to.querySelectorAll( 'button' )].indexOf( document.activeElement ) : -1;
    to.replaceChildren( ...( live ? [] : [element( 'p', 'bad', 'Not live at this moment.' )] ), table, actions );
    to.querySelectorAll( 'button' )[focused]?.focus();
}

function showBlocks() {
    const { lives, groups } = history;
    const found = [];
    let bytes = 0;
    for( let i = 0; i < moment.count; i++ ) {
        const life = moment.live[i];
        if( lives.heap[life] !== heap.index || !( matches === null || matches( life ) ) ) continue;
        found.push( life );
        bytes += lives.size[life];
    }
    found.sort( ( a, b ) => lives.size[b] - lives.size[a] || lives.address[a] - lives.address[b] );
    $( 'found' ).textContent = `${plural( found.length, 'block' )}, ${number( bytes )} bytes` + ( found.length > 50 ? '; the 50 largest' : '' );
    $( 'found' ).dataset.count = found.length;
    const now = history.clock( moment.event );
    $( 'blocks' ).tBodies[0].replaceChildren( ...found.slice( 0, 50 ).map( ( life ) => {
        const group = groups[moment.groupOf( life )];
        const choose = action( hex( lives.address[life] ), () => select( life ), 'address' );
        const age = element( 'td', '', span( now - history.clock( lives.born[life] ) ) );
        age.dataset.trace = '';
        return element( 'tr', life === selected ? 'chosen' : '', element( 'td', '', choose ), element( 'td', '', number( lives.size[life] ) ), element( 'td', '', number( lives.requested[life] ) ), element( 'td', '', ...label( group ) ), age, element( 'td', 'address', lives.caller[life] !== 0 ? hex( lives.caller[life] ) : '–' ) );
    } ) );
}

function spark( floors ) {
    const top = Math.max( ...floors, 1 );
    const path = floors.map( ( value, i ) => `${i === 0 ? 'M' : 'L'}${( ( 58 * i ) / Math.max( 1, floors.length - 1 ) + 1 ).toFixed( 1 )} ${( 19 - ( 17 * value ) / top ).toFixed( 1 )}` ).join( '' );
    const box = element( 'span', 'spark' );
    box.innerHTML = `<svg width="60" height="20" aria-hidden="true"><path d="${path}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>`;
    return box;
}

function showSuspects() {
    const { groups, suspects, lives } = history;
    const list = suspects.slice( 0, 12 ).map( ( one ) => {
        const group = groups[one.group];
        const from = one.caller ? `, most of it asked for at ${hex( one.caller )}` : '';
        let head, text;
        if( one.kind === 'left' ) {
            head = `${number( one.bytes )} bytes left behind`;
            text = `In ${number( one.times )} of its ${plural( one.unloads, 'unload' )} it had not freed all: ${plural( one.blocks, 'block' )}${from}.`;
        } else if( one.kind === 'floor' ) {
            head = `its floor rose by ${number( one.bytes )} bytes`;
            text = `The least that it held rose in ${one.rises} of ${one.steps} steps, ${one.byUnload ? 'from unload to unload' : 'each a tenth of the trace'}.`;
        } else {
            head = `${plural( one.blocks, 'block' )} of ${number( one.bytes )} bytes ${one.blocks === 1 ? 'is' : 'are'} old`;
            text = `${one.blocks === 1 ? span( one.age ) : one.spread < 0.05 ? 'All of about one time, ' + span( one.age ) : `From ${span( one.youngest )} to ${span( one.age )}, by and by`}; 19 of 20 of its others were freed within ${span( one.usual )}${one.caller ? `. Asked for at ${hex( one.caller )}` : ''}.`;
        }
        const button = action( '', () => {
            if( one.heap !== heap.index ) chooseHeap( one.heap );
            seek( one.event );
            chosenGroup = one.kind === 'left' ? -1 : one.group;
            if( one.caller && one.kind === 'old' ) search( hex( one.caller ) );
            else search( one.kind === 'left' ? group.name : '' );
            if( one.kind === 'old' && lives.heap[one.oldest] === heap.index ) select( one.oldest );
        }, 'link' );
        button.append( ...label( group ) );
        const item = element( 'li', '', ...( one.floors ? [spark( one.floors )] : [] ), button, ' ', element( 'strong', '', head ), element( 'p', '', text ) );
        Object.assign( item.dataset, { kind: one.kind, module: group.name, bytes: one.bytes } );
        return item;
    } );
    $( 'suspects' ).replaceChildren( ...( list.length > 0 ? list : [element( 'li', 'soft', 'None: no floor rises from unload to unload, nothing is left behind, no block is much older than its module’s usual.' )] ) );
}

function showNotes() {
    const notes = [...history.notes];
    for( const lost of history.lost.slice( 0, 5 ) ) notes.push( `${plural( lost.count, 'record' )} ${lost.count === 1 ? 'is' : 'are'} missing in front of ${instant( lost.event )}.` );
    const items = notes.map( ( text ) => element( 'li', 'bad', text ) );
    for( const one of history.refusals.slice( -8 ).reverse() ) {
        const go = action( instant( one.event ), () => seek( one.event ), 'link' );
        items.push( element( 'li', '', go, ` refused ${number( one.requested )} bytes to ${one.module || 'nobody'}: ${REASONS[one.reason] ?? REASONS[0]}` ) );
    }
    if( history.refusals.length > 8 ) items.push( element( 'li', 'soft', `${number( history.refusals.length )} requests were refused; the last 8 are shown.` ) );
    if( items.length === 0 ) items.push( element( 'li', 'soft', 'Nothing was refused, no record is missing, nothing is damaged.' ) );
    if( history.source.kind === 'trace' ) {
        const group = element( 'span', 'group' );
        for( const format of FORMATS ) group.append( action( format.name, () => save( format ) ) );
        items.push( element( 'li', 'soft', 'Save for ', group ) );
    }
    $( 'notes' ).replaceChildren( ...items );
}

function save( format ) {
    const link = element( 'a' );
    link.href = URL.createObjectURL( new Blob( exported( history, format.id ) ) );
    link.download = name.replace( /\.[^.]*$/, '' ) + format.suffix;
    link.click();
    setTimeout( () => URL.revokeObjectURL( link.href ), 10000 );
}

function showPlots() {
    charts = [];
    if( history.source.kind !== 'trace' ) return;
    const scale = history.clocked ? 1 / history.source.ticks : 1;
    const x = instants( history.begin * scale, history.end * scale );
    const marks = history.loads.filter( ( one ) => one.heap === heap.index ).map( ( one ) => ( { x: history.clock( one.event ) * scale, load: one.load } ) );
    const here = history.groups.filter( ( group ) => group.series[heap.index] !== undefined );
    const shown = here.filter( ( group ) => group.kind !== 'system' ).sort( ( a, b ) => b.series[heap.index].top - a.series[heap.index].top ).slice( 0, LINES_MOST );
    const soft = getComputedStyle( document.documentElement ).getPropertyValue( '--soft' ).trim();
    const lines = shown.map( ( group ) => ( { label: group.name, values: points( group.series[heap.index] ), colour: colour( styleOf( group ) ), dash: dash( styleOf( group ) ) } ) );
    lines.unshift( { label: 'all', values: points( heap.total ), colour: soft, dash: [], width: 1, fill: soft + '1c' } );
    const common = {
        x, marks,
        ticks: ( _, splits ) => splits.map( ( value ) => ( history.clocked ? Number( value.toPrecision( 6 ) ) + ' s' : number( value ) ) ),
        now: () => history.clock( moment.event ) * scale,
        seek: ( value ) => seek( eventAt( value / scale ) ),
    };
    charts.push( plot( $( 'plot-bytes' ), { ...common, lines, values: ( _, splits ) => splits.map( short ), height: 210 } ) );
    $( 'plot-bytes' ).setAttribute( 'aria-label', `Bytes by module over time; at most ${number( heap.total.top )} in all.` );
    const orange = colour( 1 );
    charts.push( plot( $( 'plot-fragmentation' ), { ...common, lines: [{ label: 'fragmentation', values: points( heap.fragmentation, 100 ), colour: orange, dash: [], fill: orange + '22' }], values: ( _, splits ) => splits.map( ( v ) => v + ' %' ), top: 100, height: 170 } ) );
    $( 'plot-fragmentation' ).setAttribute( 'aria-label', `Fragmentation over time; at most ${percent( heap.fragmentation.top )}.` );
    $( 'legend' ).replaceChildren( ...lines.map( ( line ) => {
        const item = element( 'li' );
        item.innerHTML = `<svg width="26" height="8" aria-hidden="true"><path d="M0 4H26" stroke="${line.colour}" stroke-width="2" stroke-dasharray="${line.dash.join( ' ' )}"/></svg>`;
        item.append( line.label );
        return item;
    } ) );
}

/* ---- Acting ---- */

/* The last event no later than this. */
function eventAt( clock ) {
    let low = 0, high = history.count;
    while( low < high ) {
        const middle = ( low + high ) >> 1;
        if( history.clock( middle ) <= clock ) low = middle + 1;
        else high = middle;
    }
    return Math.max( 0, low - 1 );
}

function seek( event ) {
    moment.seek( Math.max( 0, Math.min( history.count - 1, event ) ) );
    refresh();
}

function search( text ) {
    $( 'search' ).value = text;
    refresh();
}

function select( life ) {
    selected = life;
    if( life >= 0 ) {
        const { lives } = history;
        const from = lives.address[life] - 4;
        if( from < map.low || from >= map.high ) zoom( from + lives.size[life] / 2 - ( map.high - map.low ) / 2, from + lives.size[life] / 2 + ( map.high - map.low ) / 2 );
    }
    refresh();
}

function zoom( low, high ) {
    map.zoom( heap, low, high );
    refresh();
}
function zoomBy( factor ) {
    const { lives } = history;
    const middle = selected >= 0 && lives.heap[selected] === heap.index ? lives.address[selected] : ( map.low + map.high ) / 2;
    const half = ( ( map.high - map.low ) * factor ) / 2;
    zoom( middle - half, middle + half );
}
function zoomToBlock() {
    if( selected < 0 ) return;
    const { lives } = history;
    const from = lives.address[selected] - 4;
    zoom( from - 3 * lives.size[selected], from + 4 * lives.size[selected] );
    $( 'map' ).focus();
}
const zoomAll = () => zoom( heap.start, heap.start + heap.bytes );

/* The live block at an address, or the nearest one in a direction from it; -1: none. */
function blockAt( address, direction = 0 ) {
    const { lives } = history;
    let best = -1;
    for( let i = 0; i < moment.count; i++ ) {
        const life = moment.live[i];
        if( lives.heap[life] !== heap.index ) continue;
        const at = lives.address[life];
        if( direction === 0 ? address >= at - 4 && address < at - 4 + lives.size[life] : direction > 0 ? at > address && ( best < 0 || at < lives.address[best] ) : at < address && ( best < 0 || at > lives.address[best] ) ) best = life;
    }
    return best;
}

function mapKey( event ) {
    const { lives } = history;
    const at = selected >= 0 && lives.heap[selected] === heap.index ? lives.address[selected] : map.low;
    const go = ( life ) => {
        if( life >= 0 ) select( life );
    };
    switch( event.key ) {
    case 'ArrowLeft': go( blockAt( at, -1 ) ); break;
    case 'ArrowRight': go( blockAt( selected < 0 ? at - 1 : at, 1 ) ); break;
    case 'ArrowUp': go( blockAt( at - map.perRow + 1, -1 ) ); break;
    case 'ArrowDown': go( blockAt( at + map.perRow - 1, 1 ) ); break;
    case 'Enter': zoomToBlock(); break;
    default: return;
    }
    event.preventDefault();
}

function pageKey( event ) {
    if( event.ctrlKey || event.metaKey || event.altKey || !history || $( 'help' ).open ) return;
    if( event.key === 'Escape' ) {
        chosenGroup = -1;
        search( '' );
        document.activeElement.blur();
        return;
    }
    if( event.target.matches( 'input[type="search"], select' ) ) return;
    const isTrace = history.source.kind === 'trace';
    const load = ( step ) => {
        const list = history.loads.filter( ( one ) => one.heap === heap.index && ( one.event - moment.event ) * step > 0 );
        if( list.length > 0 ) seek( list[step > 0 ? 0 : list.length - 1].event );
    };
    switch( event.key ) {
    case '[': if( isTrace ) seek( moment.event - 1 ); break;
    case ']': if( isTrace ) seek( moment.event + 1 ); break;
    case '{': load( -1 ); break;
    case '}': load( 1 ); break;
    case '/': $( 'search' ).focus(); break;
    case 'm': $( 'map' ).focus(); break;
    case '+': case '=': zoomBy( 0.5 ); break;
    case '-': zoomBy( 2 ); break;
    case '0': zoomAll(); break;
    case '?': $( 'help' ).showModal(); break;
    default: return;
    }
    event.preventDefault();
}

function chooseHeap( index ) {
    heap = history.heaps[index];
    $( 'heap' ).value = index;
    map.zoom( heap, heap.start, heap.start + heap.bytes );
    showPlots();
    refresh();
}

/* ---- Beginning ---- */

function load( bytes, file ) {
    const from = performance.now();
    const source = open( bytes );
    history = new History( source );
    if( history.heaps.length === 0 ) throw new Error( 'There is no heap in this trace.' );
    const isTrace = source.kind === 'trace';
    moment = new Moment( history );
    name = file;
    selected = chosenGroup = -1;
    document.body.classList.toggle( 'still', !isTrace );
    document.title = file ? `${file} · dmheap` : 'dmheap';
    $( 'file' ).textContent = file;
    const facts = [isTrace ? plural( history.count, 'event' ) : source.guard ? 'heap image, with the guard' : 'heap image'];
    if( source.pointer > 0 ) facts.push( `${source.pointer * 8} bits` );
    facts.push( source.bigEndian ? 'big-endian' : 'little-endian', short( source.size ) );
    if( isTrace ) facts.push( history.clocked ? `clock of ${number( source.ticks )} Hz` : 'no clock' );
    $( 'facts' ).textContent = facts.join( ' · ' );
    $( 'heap' ).replaceChildren( ...history.heaps.map( ( one, i ) => new Option( `${one.name || ( one.known ? hex( one.start ) : 'not known' )}, ${short( one.bytes )}`, i ) ) );
    $( 'heap-choice' ).hidden = history.heaps.length < 2;
    $( 'slider' ).max = history.count - 1;
    $( 'time' ).hidden = !isTrace;
    $( 'main' ).hidden = false;
    $( 'message' ).textContent = '';
    $( 'search' ).value = '';
    delete $( 'block' ).dataset.key;
    map = new HeapMap( $( 'map' ) );
    moment.seek( history.count - 1 );
    chooseHeap( history.heaps.reduce( ( best, one, i ) => ( one.events > history.heaps[best].events ? i : best ), 0 ) );
    showSuspects();
    showNotes();
    document.body.dataset.load = ( performance.now() - from ).toFixed( 0 );
}

/* What gzip has packed, as `dmheap view` has it do. */
async function unpack( bytes ) {
    if( bytes[0] !== 0x1f || bytes[1] !== 0x8b ) return bytes;
    const plain = new Blob( [ bytes ] ).stream().pipeThrough( new DecompressionStream( 'gzip' ) );
    return new Uint8Array( await new Response( plain ).arrayBuffer() );
}

async function tryLoad( bytes, file ) {
    try {
        load( await unpack( bytes ), file );
    } catch( error ) {
        history = undefined;
        $( 'main' ).hidden = $( 'time' ).hidden = true;
        $( 'message' ).className = 'wrong';
        $( 'message' ).textContent = error.message;
    }
}

$( 'slider' ).addEventListener( 'input', () => seek( Number( $( 'slider' ).value ) ) );
for( const button of document.querySelectorAll( '[data-step]' ) ) button.addEventListener( 'click', () => seek( moment.event + Number( button.dataset.step ) ) );
$( 'search' ).addEventListener( 'input', refresh );
$( 'heap' ).addEventListener( 'change', () => chooseHeap( Number( $( 'heap' ).value ) ) );
$( 'zoom-in' ).addEventListener( 'click', () => zoomBy( 0.5 ) );
$( 'zoom-out' ).addEventListener( 'click', () => zoomBy( 2 ) );
$( 'zoom-all' ).addEventListener( 'click', zoomAll );
$( 'help-open' ).addEventListener( 'click', () => $( 'help' ).showModal() );
$( 'map' ).addEventListener( 'keydown', mapKey );
$( 'map' ).addEventListener( 'click', ( event ) => select( blockAt( map.addressAt( event.offsetX, event.offsetY ) ) ) );
$( 'map' ).addEventListener( 'dblclick', zoomToBlock );
$( 'map' ).addEventListener( 'wheel', ( event ) => {
    if( !event.ctrlKey ) return;
    event.preventDefault();
    zoomBy( event.deltaY > 0 ? 1.25 : 0.8 );
}, { passive: false } );
document.addEventListener( 'keydown', pageKey );
const redraw = () => {
    if( !history ) return;
    showPlots();
    showSuspects();
    delete $( 'block' ).dataset.key;
    refresh();
};
matchMedia( '(prefers-color-scheme: dark)' ).addEventListener( 'change', redraw );
addEventListener( 'resize', redraw );
$( 'open' ).addEventListener( 'change', async () => {
    const file = $( 'open' ).files[0];
    if( file ) tryLoad( new Uint8Array( await file.arrayBuffer() ), file.name );
} );
document.addEventListener( 'dragover', ( event ) => event.preventDefault() );
document.addEventListener( 'drop', async ( event ) => {
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if( file ) tryLoad( new Uint8Array( await file.arrayBuffer() ), file.name );
} );

/* Once the page is painted, so that it says that it reads. */
requestAnimationFrame( () => setTimeout( () => {
    const data = $( 'data' );
    const text = data.textContent.trim();
    if( text === '' ) {
        $( 'message' ).textContent = 'Open a trace or an image of a heap, or drop it here.';
        return;
    }
    const binary = atob( text );
    const bytes = new Uint8Array( binary.length );
    for( let i = 0; i < binary.length; i++ ) bytes[i] = binary.charCodeAt( i );
    data.textContent = '';
    tryLoad( bytes, data.dataset.name ?? '' );
} ) );
