/*
 * Finds heaps, and rings with a trace, in the bytes of an image or a dump of memory, and tells what lies in them. The layout is
 * that of src/image.h, by layout.json. May not trust a byte: each number is asked whether it leads into the heap, each walk
 * goes forward.
 */
import layout from './layout.json';
import { OP, OWNER_NOBODY, OWNER_SYSTEM, emptyRecord, isTrace, readTrace, ringAt } from './trace.js';

const WORD = 4;
const CANARY = 0xca;
const utf8 = new TextDecoder();

function reader( bytes, at, little ) {
    const view = new DataView( bytes.buffer, bytes.byteOffset + at, bytes.byteLength - at );
    const read = { 1: ( o ) => view.getUint8( o ), 2: ( o ) => view.getUint16( o, little ), 4: ( o ) => view.getUint32( o, little ) };
    return {
        word: ( place ) => view.getUint32( place * WORD, little ),
        byte: ( offset ) => view.getUint8( offset ),
        field: ( [offset, size], base = 0 ) => read[size]( base + offset ),
        big: ( offset, size ) => ( size === 8 ? Number( BigInt.asIntN( 64, view.getBigUint64( offset, little ) ) ) : view.getUint32( offset, little ) ),
        text: ( offset, end ) => {
            let to = offset;
            while( to < end && view.getUint8( to ) !== 0 ) to++;
            return utf8.decode( new Uint8Array( bytes.buffer, bytes.byteOffset + at + offset, to - offset ) );
        },
    };
}

/* The heap at this offset of the bytes, null where there is none. */
function heapAt( bytes, at, little ) {
    const C = layout.context;
    if( at + C.bytes > bytes.length ) return null;
    const image = reader( bytes, at, little );
    const build = image.field( C.layout );
    if( build >>> 26 !== layout.version || ( ( build >>> 25 ) & 1 ) !== ( little ? 0 : 1 ) ) return null;

    const findings = [];
    const first = image.field( C.first );
    const reach = image.field( C.reach );
    const whole = first + reach + layout.min_block; // the place of the end mark
    const seal = ( image.word( 2 ) ^ image.word( 3 ) ^ image.word( 4 ) ^ image.word( 5 ) ^ layout.seal ) >>> 0;
    if( seal !== image.field( C.seal ) ) findings.push( 'The words that say where everything lies are overwritten.' );
    const room = Math.floor( ( bytes.length - at ) / WORD );
    if( first <= C.bytes / WORD || first >= room || whole > 2 ** 30 ) return null;
    if( whole > room ) findings.push( 'The end of the heap is not in the file.' );
    const end = Math.min( whole, room );

    const ownerBits = ( build >>> 16 ) & 255;
    const guard = ( ( build >>> 24 ) & 1 ) === 1;
    const nameSize = build & 255;
    const sizeShift = layout.header.owner_shift + ownerBits;
    const scale = Math.min( image.field( C.size_scale ), 8 );
    const granuleShift = Math.min( image.field( C.granule_shift ), 20 );
    const mapAt = image.field( C.map_at );
    const heap = { at, little, guard, findings, name: '', bytes: whole * WORD, control: ( first - 1 ) * WORD, granule: WORD << granuleShift, blocks: [], owners: [] };

    const sizeOf = ( header ) => ( header >>> sizeShift ) * 2 ** scale;
    const ownerOf = ( header ) => ( header >>> layout.header.owner_shift ) & ( ( 1 << ownerBits ) - 1 );
    const starts = ( place ) => {
        const bit = ( place - first ) / 2 ** granuleShift;
        const map = mapAt + Math.floor( bit / 32 );
        return Number.isInteger( bit ) && map < first && ( ( image.word( map ) << bit % 32 ) & 0x80000000 ) !== 0;
    };

    /* Blocks: by their sizes, and where one leads nowhere on from the next start of a live one. */
    let damaged = 0, unsure = 0;
    for( let place = first; place < end; ) {
        const header = image.word( place - 1 );
        const size = sizeOf( header );
        if( size < layout.min_block || size > whole - place ) {
            const from = place;
            damaged++;
            do place += 2 ** granuleShift;
            while( place < end && !starts( place ) );
            if( damaged === 1 ) findings.push( `The header at offset ${hex( ( from - 1 ) * WORD )} of the heap leads nowhere.` );
            continue;
        }
        const owner = ownerOf( header );
        const live = owner !== layout.owner.free;
        if( starts( place ) !== live && owner !== layout.owner.moving ) unsure++;
        if( live ) heap.blocks.push( { place, size, owner, aligned: ( header & layout.header.aligned ) !== 0, requested: 0, alignment: 0, caller: 0 } );
        place += size;
    }
    if( damaged > 1 ) findings.push( `${damaged} headers lead nowhere.` );
    if( unsure > 0 ) findings.push( `The start map says otherwise of ${unsure} blocks.` );

    /* Owners. */
    const table = image.field( C.table_at );
    const span = image.field( C.table_span );
    const keys = new Map();
    for( let number = 0; number < span && table >= first && table + number < end; number++ ) {
        const record = ( image.word( table + number ) >>> sizeShift ) * 2 ** scale;
        if( record < first || ( record + 1 ) * WORD + layout.module.name > end * WORD ) continue;
        const base = record * WORD;
        const key = image.field( layout.module.key, base );
        const owner = number + layout.owner.first_module;
        const from = base + layout.module.name;
        const name = image.text( from, Math.min( from + nameSize - 1, end * WORD ) );
        const ceiling = image.field( layout.module.ceiling, base ); // what is held stays below: the limit and 1
        const leaving = ceiling === 0;
        keys.set( owner, key );
        heap.owners.push( {
            key, name, leaving,
            live: image.field( layout.module.live, base ) * WORD,
            peak: leaving ? 0 : image.field( layout.module.peak, base ) * WORD,
            limit: leaving || ceiling === layout.no_ceiling ? 0 : ( ceiling - 1 ) * WORD,
        } );
    }
    let orphans = 0;
    for( const block of heap.blocks ) {
        if( block.owner >= layout.owner.first_module ) {
            if( !keys.has( block.owner ) ) orphans++;
            block.owner = keys.get( block.owner ) ?? block.owner;
        }
    }
    if( orphans > 0 ) findings.push( `${orphans} blocks say of themselves that they are of a module that is not there.` );
    const name = image.field( C.name );
    if( name >= first && name < end ) heap.name = image.text( name * WORD, Math.min( name * WORD + nameSize, end * WORD ) );

    /* What can be used, the alignment, and with the guard the bytes asked for and the caller. The trailer has a pointer's size
     * more than two words, the last of which is the allocation's number: of 4 and 8 the one by which more canaries stand. */
    const trailer = ( block, pointer ) => block.place + block.size - 1 - ( block.aligned ? 1 : 0 ) - 2 - pointer / WORD;
    const holds = ( block, pointer ) => {
        const behind = trailer( block, pointer );
        if( behind <= block.place || behind + 2 + pointer / WORD > end ) return false;
        const asked = image.word( behind );
        if( asked > ( behind - block.place ) * WORD - WORD ) return false;
        for( let o = block.place * WORD + asked; o < behind * WORD; o++ ) if( image.byte( o ) !== CANARY ) return false;
        return true;
    };
    const users = heap.blocks.filter( ( block ) => block.owner !== layout.owner.system && block.place + block.size <= end );
    let pointer = 0;
    if( guard ) {
        const votes = ( p ) => users.slice( 0, 1000 ).filter( ( block ) => holds( block, p ) ).length;
        pointer = votes( 8 ) > votes( 4 ) ? 8 : 4;
    }
    heap.pointer = pointer;
    let overwritten = 0;
    for( const block of heap.blocks ) {
        block.requested = ( block.size - 1 ) * WORD;
        if( block.place + block.size > end ) continue;
        if( block.aligned ) {
            const log2 = image.word( block.place + block.size - 2 );
            block.alignment = log2 < 32 ? 2 ** log2 : 0;
            block.requested -= WORD;
        }
        if( guard && block.owner !== layout.owner.system ) {
            const behind = trailer( block, pointer );
            if( behind > block.place && behind + 2 + pointer / WORD <= end ) {
                block.caller = image.big( ( behind + 1 ) * WORD, pointer );
                block.requested = Math.min( image.word( behind ), ( behind - block.place ) * WORD );
            }
            if( !holds( block, pointer ) ) {
                overwritten++;
                if( overwritten <= 8 ) findings.push( `Written behind the block at offset ${hex( block.place * WORD )} of the heap.` );
            }
        }
    }
    return heap;
}

function hex( number ) {
    return '0x' + number.toString( 16 );
}

/* What is in these bytes: a trace, heaps, or a ring of a dump. `base` is the address of the first byte, where it is known. */
export function open( bytes, base = 0 ) {
    if( isTrace( bytes ) ) return readTrace( bytes );
    const view = new DataView( bytes.buffer, bytes.byteOffset, bytes.byteLength );
    const heaps = [];
    for( let at = 0; at + WORD <= bytes.length; at += WORD ) {
        const word = view.getUint32( at, true );
        if( word === layout.magic || word === swapped( layout.magic ) ) {
            const heap = heapAt( bytes, at, word === layout.magic );
            if( heap !== null && heaps.length < 64 ) heaps.push( heap );
        }
    }
    if( heaps.length === 0 ) {
        for( let at = 0; at + WORD <= bytes.length; at += WORD ) {
            const word = view.getUint32( at, true );
            const trace = word === 0x52484d44 || word === 0x444d4852 ? ringAt( bytes, at ) : null;
            if( trace !== null ) return readTrace( trace );
        }
        throw new Error( 'There is neither a trace nor a heap of this version in the file.' );
    }
    const notes = heaps.flatMap( ( heap ) => heap.findings.map( ( what ) => ( heaps.length > 1 ? `Heap at ${hex( heap.at + base )}: ` : '' ) + what ) );

    /* As the records of a trace that says what there is. */
    function records( visit ) {
        const r = emptyRecord();
        for( const heap of heaps ) {
            const start = heap.at + base;
            Object.assign( r, { op: OP.IS_HEAP, address: start, bytes: heap.bytes, control: heap.control, granule: heap.granule, text: heap.name } );
            visit( r );
            for( const owner of heap.owners ) {
                Object.assign( r, { op: OP.IS_OWNER, address: start, owner: owner.key, text: owner.name } );
                visit( r );
            }
            for( const block of heap.blocks ) {
                Object.assign( r, {
                    op: OP.IS_BLOCK, address: start + block.place * WORD, owner: block.owner === OWNER_SYSTEM ? OWNER_SYSTEM : block.owner < layout.owner.first_module ? OWNER_NOBODY : block.owner,
                    requested: block.requested, block: block.size * WORD, alignment: block.alignment, caller: block.caller, thread: 0, text: '',
                } );
                visit( r );
            }
        }
        return 0;
    }
    const count = heaps.reduce( ( sum, heap ) => sum + 1 + heap.owners.length + heap.blocks.length, 0 );
    return { kind: 'image', pointer: heaps[0].pointer, bigEndian: !heaps[0].little, ticks: 0, count, notes, records, heaps, size: bytes.length, guard: heaps[0].guard };
}

function swapped( word ) {
    return ( ( word << 24 ) | ( ( word & 0xff00 ) << 8 ) | ( ( word >>> 8 ) & 0xff00 ) | ( word >>> 24 ) ) >>> 0;
}
