/*
 * Reads a trace as docs/trace.md says: the only file that knows how records are written. May not keep what it reads.
 *
 * A source, here and in image.js, is { kind, pointer, ticks, bigEndian, notes, records( visit ) }: `visit` is handed one record
 * after the other, the same object each time.
 */
export const OP = {
    MALLOC: 1,
    FREE: 2,
    REALLOC: 3,
    RETAG: 4,
    REFUSED: 5,
    REGISTER: 6,
    RENAME: 7,
    UNREGISTER: 8,
    HEAP_MADE: 9,
    HEAP_ENDS: 10,
    LEFT: 11,
    IS_HEAP: 12,
    IS_OWNER: 13,
    IS_BLOCK: 14,
    LOST: 15,
};

export const OP_NAMES = [
    '', 'malloc', 'free', 'realloc', 'retag', 'refused', 'register', 'rename', 'unregister', 'heap made', 'heap taken down', 'left',
    'there is a heap', 'there is an owner', 'there is a block', 'lost',
];

export const REASONS = [
    'another reason', 'no memory', 'the module’s limit', 'the table of modules is full', 'the module is being unregistered',
    'the handle is stale', 'a bad name', 'a bad alignment', 'count × size overflows', 'no heap', 'the heap is overwritten',
    'realloc of a pointer that is no live payload', 'realloc of a block that is not the module’s',
];

export const OWNER_SYSTEM = 2;
export const OWNER_NOBODY = 3;

const VERSION = 1;
const HEADER_BYTES = 8;
const RING_MAGIC = 0x52484d44;
const RING_HEADER = 48;
const utf8 = new TextDecoder();

export function isTrace( bytes ) {
    return bytes.length >= HEADER_BYTES && bytes[0] === 0x44 && bytes[1] === 0x4d && bytes[2] === 0x48 && bytes[3] === 0x54;
}

export function emptyRecord() {
    return {
        op: 0, time: 0, address: 0, owner: 0, requested: 0, block: 0, alignment: 0, caller: 0, thread: 0,
        to: 0, newOwner: 0, reason: 0, bytes: 0, control: 0, granule: 0, lost: 0, text: '',
    };
}

/* A varint and where it ends: [ value, behind ]. Numbers beyond 2^53 are exact as a BigInt, which only addresses need. */
function wide( bytes, at ) {
    let value = 0n;
    for( let shift = 0n; shift < 70n; shift += 7n ) {
        const byte = bytes[at++] ?? 0;
        value |= BigInt( byte & 127 ) << shift;
        if( byte < 128 ) break;
    }
    return BigInt.asUintN( 64, value );
}

export function readTrace( bytes ) {
    if( bytes[4] !== VERSION ) throw new Error( `This trace has version ${bytes[4]}; this page reads version ${VERSION}.` );
    const notes = [];
    let at = HEADER_BYTES;

    function varint() {
        let byte = bytes[at++];
        if( byte < 128 ) return byte;
        const from = at - 1;
        let value = byte & 127, scale = 128;
        do {
            byte = bytes[at++];
            value += ( byte & 127 ) * scale;
            scale *= 128;
        } while( byte >= 128 );
        return value <= Number.MAX_SAFE_INTEGER ? value : Number( wide( bytes, from ) );
    }
    /* Four times a zigzag. Addresses are signed here, so that those of the upper half of 64 bits are exact too. */
    function distance() {
        const from = at;
        const value = varint();
        if( value < 2 ** 50 ) return value % 2 === 0 ? value * 2 : -( value + 1 ) * 2;
        const exact = wide( bytes, from );
        return Number( BigInt.asIntN( 64, 4n * ( ( exact >> 1n ) ^ -( exact & 1n ) ) ) );
    }
    const names = new Map();
    function text( end ) {
        const length = varint();
        const to = Math.min( at + length, end );
        let key = '';
        for( let i = at; i < to; i++ ) key += String.fromCharCode( bytes[i] );
        let name = names.get( key );
        if( name === undefined ) {
            name = utf8.decode( bytes.subarray( at, to ) );
            names.set( key, name );
        }
        at += length;
        return name;
    }

    const ticks = varint();
    const begin = at;
    let end = bytes.length; // of the last whole record

    /* How many records there are; a tail that is cut short is told, and left out. */
    function measure() {
        let count = 0;
        at = begin;
        while( at < bytes.length ) {
            const from = at;
            const length = varint();
            if( !( length > 0 && at + length <= bytes.length ) ) {
                notes.push( `The record at byte ${from} is cut short; what is in front of it is shown.` );
                end = from;
                break;
            }
            at += length;
            count++;
        }
        return count;
    }
    const count = measure();

    function records( visit ) {
        const r = emptyRecord();
        let time = 0, address = 0, bad = 0;
        at = begin;
        while( at < end ) {
            const length = varint();
            const behind = at + length;
            const op = ( r.op = bytes[at++] );
            time += varint();
            address += distance();
            r.time = time;
            r.address = address;
            r.text = '';
            switch( op ) {
            case OP.MALLOC:
            case OP.IS_BLOCK:
                r.owner = varint();
                r.requested = varint();
                r.block = varint();
                r.alignment = varint();
                r.caller = varint();
                r.thread = varint();
                break;
            case OP.FREE:
                r.owner = varint();
                r.block = varint();
                r.caller = varint();
                r.thread = varint();
                break;
            case OP.REALLOC:
                r.owner = varint();
                varint(); // the old block
                r.to = address + distance();
                r.newOwner = varint();
                r.requested = varint();
                r.block = varint();
                r.alignment = varint();
                r.caller = varint();
                r.thread = varint();
                break;
            case OP.RETAG:
                r.owner = varint();
                r.block = varint();
                r.newOwner = varint();
                break;
            case OP.REFUSED:
                r.requested = varint();
                r.alignment = varint();
                r.reason = varint();
                r.text = text( behind );
                r.caller = varint();
                r.thread = varint();
                break;
            case OP.REGISTER:
            case OP.RENAME:
            case OP.IS_OWNER:
                r.owner = varint();
                r.text = text( behind );
                break;
            case OP.UNREGISTER:
                r.owner = varint();
                break;
            case OP.HEAP_MADE:
            case OP.IS_HEAP:
                r.bytes = varint();
                r.control = varint();
                r.granule = varint();
                r.text = text( behind );
                break;
            case OP.LEFT:
                r.owner = varint();
                r.block = varint();
                break;
            case OP.LOST:
                r.lost = varint();
                break;
            }
            if( at > behind ) {
                bad++;
                r.op = 0; // its fields are those of its neighbour
            }
            at = behind;
            visit( r );
        }
        return bad;
    }

    return {
        kind: 'trace', pointer: bytes[6], bigEndian: bytes[5] === 1, ticks, count, notes, records,
        size: bytes.length, bytesPerRecord: count > 0 ? ( end - begin ) / count : 0,
    };
}

/* The bytes of a trace that were in a ring at this place of a dump; null where there is none. */
export function ringAt( dump, at ) {
    const view = new DataView( dump.buffer, dump.byteOffset, dump.byteLength );
    if( at + RING_HEADER > dump.length ) return null;
    const little = view.getUint32( at, true ) === RING_MAGIC;
    if( !little && view.getUint32( at, false ) !== RING_MAGIC ) return null;
    const word = ( offset ) => view.getUint32( at + offset, little );
    const [size, tail, head] = [word( 12 ), word( 16 ), word( 20 )];
    const pointer = dump[at + 6];
    if( dump[at + 4] !== VERSION || dump[at + 5] !== ( little ? 0 : 1 ) || ( pointer !== 4 && pointer !== 8 ) ) return null;
    if( size === 0 || size > dump.length - at - RING_HEADER || tail >= size || head >= size ) return null;

    const out = [0x44, 0x4d, 0x48, 0x54, ...dump.subarray( at + 4, at + 8 )];
    const put = ( list, value ) => {
        for( ; value > 127n; value >>= 7n ) list.push( Number( value & 127n ) | 128 );
        list.push( Number( value ) );
    };
    const both = ( offset ) => BigInt( word( offset ) ) | BigInt( word( offset + 4 ) ) << 32n;
    put( out, BigInt( word( 8 ) ) );
    const lost = [15];
    const address = BigInt.asIntN( 64, both( 36 ) );
    put( lost, both( 28 ) );
    put( lost, BigInt.asUintN( 64, ( address << 1n ) ^ ( address >> 63n ) ) );
    put( lost, BigInt( word( 24 ) ) );
    put( out, BigInt( lost.length ) );
    out.push( ...lost );

    const bytes = dump.subarray( at + RING_HEADER, at + RING_HEADER + size );
    const parts = head >= tail ? [bytes.subarray( tail, head )] : [bytes.subarray( tail ), bytes.subarray( 0, head )];
    const trace = new Uint8Array( out.length + parts.reduce( ( sum, part ) => sum + part.length, 0 ) );
    trace.set( out );
    let to = out.length;
    for( const part of parts ) {
        trace.set( part, to );
        to += part.length;
    }
    return trace;
}
