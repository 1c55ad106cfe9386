/*
 * A trace for tools that people have: Chrome's and Perfetto's JSON, Massif (ms_print), heaptrack (heaptrack_print and its
 * window). Works from the history; pieces of text, so that none is too long.
 */

export const FORMATS = [
    { id: 'perfetto', name: 'Perfetto', suffix: '.json' },
    { id: 'massif', name: 'Massif', suffix: '.massif' },
    { id: 'heaptrack', name: 'heaptrack', suffix: '.heaptrack' },
];

const SNAPSHOTS = 100;

export function exported( history, id ) {
    return { perfetto, massif, heaptrack }[id]( history );
}

const hex = ( value ) => ( value < 0 ? BigInt.asUintN( 64, BigInt( value ) ) : value ).toString( 16 );

/* What happens to lives, event by event: ended ones first. Users' and the heap's own blocks alike. */
function each( history, visit ) {
    for( let event = 0; event < history.count; event++ ) {
        if( history.ended[event] >= 0 ) visit( event, history.ended[event], false );
        for( const life of history.extra.get( event ) ?? [] ) visit( event, life, false );
        if( history.begun[event] >= 0 ) visit( event, history.begun[event], true );
    }
}

/* The group of an owner as events go by: renames are few. */
function naming( history ) {
    const groups = history.firstGroup.slice();
    let next = 0;
    return ( event, life ) => {
        while( next < history.renames.length && history.renames[next].event <= event ) {
            const { owner, after } = history.renames[next++];
            groups[owner] = after;
        }
        return groups[history.lives.owner[life]];
    };
}

const microseconds = ( history, event ) => ( history.clocked ? ( history.time[event] * 1e6 ) / history.source.ticks : event );

/* A counter a heap, with a series a module; an instant for each load, unload and refusal. */
function perfetto( history ) {
    const out = ['{"displayTimeUnit":"ms","traceEvents":[\n'];
    const { lives, groups, heaps } = history;
    const nameOf = ( heap ) => heap.name || 'heap ' + '0x' + hex( heap.start );
    const write = ( event ) => out.push( ( out.length > 1 ? ',\n' : '' ) + JSON.stringify( event ) );
    for( const heap of heaps ) write( { ph: 'M', name: 'process_name', pid: heap.index + 1, tid: 0, ts: 0, args: { name: nameOf( heap ) } } );
    const groupOf = naming( history );
    const held = heaps.map( () => new Map() );
    const booked = new Map(); // of a life: a rename in between moves no bytes here
    each( history, ( event, life, begins ) => {
        const heap = lives.heap[life];
        const group = begins ? groupOf( event, life ) : booked.get( life );
        if( begins ) booked.set( life, group );
        else booked.delete( life );
        const bytes = ( held[heap].get( group ) ?? 0 ) + ( begins ? 1 : -1 ) * lives.size[life];
        held[heap].set( group, bytes );
        write( { ph: 'C', name: groups[group].name, pid: heap + 1, tid: 0, ts: microseconds( history, event ), args: { bytes } } );
    } );
    for( const load of history.loads )
        write( { ph: 'i', s: 'p', name: `${load.load ? 'load' : 'unload'} ${groups[load.group].name}`, pid: load.heap + 1, tid: 0, ts: microseconds( history, load.event ), args: { left_bytes: load.bytes } } );
    for( const refusal of history.refusals )
        write( { ph: 'i', s: 'p', name: `refused ${refusal.module || 'nobody'}`, pid: Math.max( 0, refusal.heap ) + 1, tid: 0, ts: microseconds( history, refusal.event ), args: { bytes: refusal.requested, reason: refusal.reason } } );
    out.push( '\n]}\n' );
    return out;
}

/* Snapshots: users' bytes are useful heap, what blocks have beyond is extra. Each has its modules, by who asked. */
function massif( history ) {
    const { lives, groups } = history;
    const out = ['desc: dmheap\ncmd: dmheap\ntime_unit: ' + ( history.clocked ? 'ms' : 'i' ) + '\n'];
    const groupOf = naming( history );
    const trees = new Map(); // group: caller: bytes
    const booked = new Map();
    let useful = 0, whole = 0, peak = -1, peakEvent = 0;
    each( history, ( event, life, begins ) => {
        whole += ( begins ? 1 : -1 ) * lives.size[life];
        if( whole > peak ) [peak, peakEvent] = [whole, event];
    } );
    whole = 0;
    const at = new Set();
    for( let i = 0; i < SNAPSHOTS; i++ ) at.add( Math.floor( ( i * ( history.count - 1 ) ) / ( SNAPSHOTS - 1 ) ) );
    at.add( peakEvent );
    let count = 0, last = -1;
    const snapshot = ( event ) => {
        const time = history.clocked ? Math.floor( ( history.time[event] * 1e3 ) / history.source.ticks ) : event;
        out.push( `#-----------\nsnapshot=${count++}\n#-----------\ntime=${time}\nmem_heap_B=${useful}\nmem_heap_extra_B=${whole - useful}\nmem_stacks_B=0\nheap_tree=${event === peakEvent ? 'peak' : 'detailed'}\n` );
        const modules = [...trees].map( ( [group, callers] ) => [group, callers, [...callers.values()].reduce( ( a, b ) => a + b, 0 )] ).filter( ( one ) => one[2] > 0 ).sort( ( a, b ) => b[2] - a[2] );
        out.push( `n${modules.length}: ${useful} (heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n` );
        for( const [group, callers, bytes] of modules ) {
            const list = [...callers].filter( ( one ) => one[1] > 0 ).sort( ( a, b ) => b[1] - a[1] );
            out.push( ` n${list.length}: ${bytes} 0x${hex( group + 1 )}: ${groups[group].name} (module)\n` );
            for( const [caller, sum] of list ) out.push( `  n0: ${sum} 0x${hex( caller )}: ${caller === 0 ? 'not known' : '0x' + hex( caller )} (in ${groups[group].name})\n` );
        }
    };
    const until = ( event ) => {
        for( let e = last + 1; e < event; e++ ) if( at.has( e ) ) snapshot( e );
        last = Math.max( last, event - 1 );
    };
    each( history, ( event, life, begins ) => {
        until( event );
        const group = begins ? groupOf( event, life ) : booked.get( life );
        if( begins ) booked.set( life, group );
        else booked.delete( life );
        const sign = begins ? 1 : -1;
        useful += sign * lives.requested[life];
        whole += sign * lives.size[life];
        if( !trees.has( group ) ) trees.set( group, new Map() );
        const callers = trees.get( group );
        callers.set( lives.caller[life], ( callers.get( lives.caller[life] ) ?? 0 ) + sign * lives.requested[life] );
    } );
    until( history.count );
    return out;
}

/* Heaptrack's records, version 1: strings, instruction pointers, a trace node for module and caller, allocations by index.
 * What is asked for again by a realloc or changes its owner is an end and a begin. */
function heaptrack( history ) {
    const { lives, groups } = history;
    const out = ['v 10500 3\nX dmheap\nI 1000 1\n'];
    const groupOf = naming( history );
    const strings = new Map(), pointers = new Map(), nodes = new Map(), infos = new Map();
    const number = ( table, key, write ) => {
        let index = table.get( key );
        if( index === undefined ) {
            const line = write();
            index = table.size + 1;
            table.set( key, index );
            out.push( line + '\n' );
        }
        return index;
    };
    const text = ( string ) => number( strings, string, () => `s ${hex( string.length )} ${string}` );
    const info = new Map();
    let clock = -1;
    each( history, ( event, life, begins ) => {
        const now = Math.floor( ( history.clocked ? ( history.time[event] - history.begin ) / history.source.ticks : event / 1e6 ) * 1e3 );
        if( now !== clock ) out.push( `c ${hex( ( clock = now ) )}\n` );
        if( !begins ) {
            out.push( `- ${hex( info.get( life ) )}\n` );
            info.delete( life );
            return;
        }
        const group = groups[groupOf( event, life )];
        const caller = lives.caller[life];
        const pointer = number( pointers, `${group.index}/${caller}`, () => {
            const module = text( group.name ), name = text( caller === 0 ? group.name : `${group.name} 0x${hex( caller )}` );
            return `i ${hex( caller )} ${hex( module )} ${hex( name )}`;
        } );
        const node = number( nodes, pointer, () => `t ${hex( pointer )} 0` );
        const size = lives.requested[life];
        const index = number( infos, `${size}/${node}`, () => `a ${hex( size )} ${hex( node )}` ) - 1;
        info.set( life, index );
        out.push( `+ ${hex( index )}\n` );
    } );
    return out;
}

