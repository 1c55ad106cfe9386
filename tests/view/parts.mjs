/*
 * The page's parts without a browser: reading traces, rings, images; moments; what is saved. Prints `ok` or `FAIL` and a
 * sentence a case, and `end`. Run by tests/view/run, which has built them beside it.
 */
import { buildSync } from 'esbuild';
import { readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

const work = process.argv[2];
buildSync( { entryPoints: ['src/image.js', 'src/trace.js', 'src/history.js', 'src/moment.js', 'src/export.js'], bundle: true, splitting: true, format: 'esm', outdir: 'parts', outExtension: { '.js': '.mjs' } } );
const { open } = await import( './parts/image.mjs' );
const { readTrace, REASONS } = await import( './parts/trace.mjs' );
const { History } = await import( './parts/history.mjs' );
const { Moment } = await import( './parts/moment.mjs' );
const { exported } = await import( './parts/export.mjs' );

const file = ( name ) => new Uint8Array( readFileSync( `${work}/${name}` ) );
const truths = ( name ) => JSON.parse( readFileSync( `${work}/${name}.json`, 'utf8' ) );
function test( sentence, body ) {
    let wrong;
    try {
        wrong = body();
    } catch( error ) {
        wrong = error.stack;
    }
    console.log( wrong ? `FAIL ${sentence}\n${wrong}` : `ok ${sentence}` );
}
const equal = ( got, wanted, what ) => ( isDeepStrictEqual( got, wanted ) ? '' : `${what}: ${JSON.stringify( got )} instead of ${JSON.stringify( wanted )}` );
const bytesOf = ( text ) => Uint8Array.from( text.trim().split( /\s+/ ).map( ( byte ) => parseInt( byte, 16 ) ) );

/* The example of docs/trace.md. */
const example = bytesOf( `44 4d 48 54 01 00 04 00 c0 84 3d
0f 09 f4 03 80 90 80 80 01 80 80 01 94 05 08 00
0b 01 90 03 f0 3f 02 1c 20 00 00 00
0a 06 00 ef 3f 84 01 03 67 70 73
0e 01 00 cc 02 84 01 64 68 00 b5 a4 80 40 01
14 03 ac 02 00 84 01 68 34 84 01 c8 01 d0 01 00 d1 a4 80 40 01
12 05 64 cb 02 90 bf 05 00 01 03 67 70 73 b5 a4 80 40 01
06 0f c8 01 80 04 07
0c 02 0a 7f 84 01 d0 01 f1 a4 80 40 02` );
test( 'the example of the format reads as its text says', () => {
    const lines = [];
    readTrace( example ).records( ( r ) => lines.push( [r.op, r.time, r.address.toString( 16 ), r.text] ) );
    return equal( lines, [
        [9, 500, '20001000', ''], [1, 900, '20004fe0', ''], [6, 900, '20001000', 'gps'], [1, 900, '20001298', ''], [3, 1200, '20001298', ''],
        [5, 1300, '20001000', 'gps'], [15, 1500, '20001400', ''], [2, 1510, '20001300', ''],
    ], 'records' );
} );
test( 'the block of the example moves, is freed, and what is lost and refused is told', () => {
    const history = new History( readTrace( example ) );
    const moment = new Moment( history );
    const held = [0, 2, 3, 4, 7].map( ( event ) => {
        moment.seek( event );
        const figures = moment.figures( history.heaps[0] );
        return [figures.used, figures.userBlocks, figures.system, figures.largest];
    } );
    return equal( held, [[0, 0, 0, 15720], [0, 0, 32, 15688], [104, 1, 32, 15584], [208, 1, 32, 15376], [0, 0, 32, 15688]], 'figures' ) ||
        equal( [history.refusals[0].requested, history.refusals[0].caller.toString( 16 ), history.lost[0].count], [90000, '8001235', 7], 'refusal, lost' );
} );
test( 'each reason of the format has words', () => {
    const reasons = readFileSync( `${process.argv[3]}/docs/trace.md`, 'utf8' ).match( /- \*\*reason\*\*:[^-]*/ )[0].match( /\d+/g );
    return equal( REASONS.length, 1 + Math.max( ...reasons ), 'words' );
} );
test( 'a version that is not known is refused', () => {
    const other = example.slice();
    other[4] = 2;
    try {
        open( other );
    } catch( error ) {
        return error.message.includes( 'version 2' ) ? '' : error.message;
    }
    return 'it was read';
} );
test( 'ops and fields that are not known are skipped', () => {
    const more = new Uint8Array( [...example, 7, 200, 10, 2, 1, 2, 3, 4, 16, 2, 0, 79, 132, 1, 104, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9] );
    const history = new History( readTrace( more ) );
    return equal( [history.count, history.notes.length, history.time[9]], [10, 1, 1520], 'events, notes, time' );
} );
test( 'addresses of the upper half of 64 bits are exact', () => {
    const record = [9, 0];
    for( let rest = 0x3fffe00000000401n << 1n; ; rest >>= 7n ) { // up from 0, as a distance that no double holds
        record.push( Number( rest & 127n ) | ( rest > 127n ? 128 : 0 ) );
        if( rest <= 127n ) break;
    }
    record.push( 0, 0, 0, 0 );
    const trace = new Uint8Array( [0x44, 0x4d, 0x48, 0x54, 1, 0, 8, 0, 0, record.length, ...record] );
    let address;
    readTrace( trace ).records( ( r ) => ( address = r.address ) );
    return equal( BigInt.asUintN( 64, BigInt( address ) ).toString( 16 ), 'ffff800000001004', 'address' );
} );

const short = file( 'short.trace' );
const history = new History( open( short ) );
test( 'every moment is the same by whatever way it is reached', () => {
    const moment = new Moment( history );
    for( let i = 0, seed = 1; i < 300; i++ ) {
        seed = ( seed * 48271 ) % 2147483647;
        const event = i % 3 === 0 ? seed % history.count : Math.max( 0, Math.min( history.count - 1, moment.event + ( seed % 400 ) - 200 ) );
        moment.seek( event );
        const expected = [];
        if( i % 10 === 0 ) {
            for( let life = 0; life < history.lives.count; life++ ) if( history.lives.start[life] <= event && history.lives.end[life] > event ) expected.push( life );
            const wrong = equal( Array.from( moment.live.subarray( 0, moment.count ) ).sort( ( a, b ) => a - b ), expected, `event ${event}` );
            if( wrong ) return wrong;
        }
    }
} );
test( 'a ring of a dump is the trace that went into it, also where its records go over the end', () => {
    let at = 8;
    while( short[at] > 127 ) at++;
    at++;
    const records = short.subarray( at, at + 5000 );
    const size = 6000, tail = 4000;
    const dump = new Uint8Array( 100 + 48 + size );
    const view = new DataView( dump.buffer, 100 );
    view.setUint32( 0, 0x52484d44, true );
    dump.set( [1, 0, 8, 0], 104 );
    [1000000, size, tail, ( tail + 5000 ) % size, 3].forEach( ( word, i ) => view.setUint32( 8 + 4 * i, word, true ) );
    for( let i = 0; i < records.length; i++ ) dump[148 + ( ( tail + i ) % size )] = records[i];
    const got = [], wanted = [];
    open( dump ).records( ( r ) => got.push( [r.op, r.time, r.address] ) );
    const plain = new Uint8Array( at + 5000 );
    plain.set( short.subarray( 0, at + 5000 ) );
    readTrace( plain ).records( ( r ) => wanted.push( [r.op, r.time, r.address] ) );
    return equal( got[0][0], 15, 'the first record' ) || equal( got.slice( 1 ), wanted, 'records' );
} );

for( const name of ['short', '64-guard', '32', '32-guard', 'big-endian', 'big-endian-guard'] )
    test( `an image holds what the library says: ${name}`, () => {
        const source = open( file( `${name}.image` ) );
        const truth = truths( name ).pop();
        const got = new History( source );
        const moment = new Moment( got );
        moment.seek( got.count - 1 );
        const f = moment.figures( got.heaps[0] );
        const modules = {};
        for( const group of f.present ) if( got.groups[group].kind === 'module' ) modules[got.groups[group].name] = [f.bytes[group], f.blocks[group]];
        const lives = got.lives;
        const wrongCallers = name.includes( 'guard' ) && lives.caller.some( ( caller, life ) => caller === 0 && got.groups[got.ownerGroup[lives.owner[life]]].kind === 'module' );
        return equal( [f.used, f.free, f.largest, f.userBlocks, f.holes, got.heaps[0].bytes, f.system + got.heaps[0].control], [truth.used, truth.free, truth.largest, truth.blocks, truth.holes, truth.size, truth.own], 'figures' ) ||
            equal( Object.entries( modules ).sort(), Object.entries( truth.modules ).sort(), 'modules' ) || equal( source.notes, [], 'notes' ) || ( wrongCallers ? 'a caller is missing' : '' );
    } );
test( 'a write behind a block is told', () => {
    const image = file( '64-guard.image' );
    const source = open( image );
    const { place } = source.heaps[0].blocks.find( ( block ) => block.owner > 3 );
    const block = source.heaps[0].blocks.find( ( one ) => one.place === place );
    image[source.heaps[0].at + place * 4 + block.requested] ^= 1;
    return equal( open( image ).notes.length, 1, 'notes' );
} );
test( 'whatever is overwritten, images and traces are read to an end', () => {
    let seed = 7, slowest = 0;
    const random = ( limit ) => ( seed = ( seed * 48271 ) % 2147483647 ) % limit;
    const inputs = [file( '32.image' ), file( '64-guard.image' ), file( 'big-endian.image' ), file( '32.trace' ).slice( 0, 30000 ), example];
    for( let i = 0; i < 1200; i++ ) {
        const bytes = inputs[i % inputs.length].slice();
        const isImage = i % inputs.length < 3;
        for( let k = 1 + random( 6 ); k > 0; k-- ) {
            const at = isImage && random( 3 ) > 0 ? random( 400 ) : random( bytes.length );
            for( let b = 0; b < ( random( 2 ) ? 4 : 1 ) && at + b < bytes.length; b++ ) bytes[at + b] = [0, 255, random( 256 ), bytes[at + b] ^ ( 1 << random( 8 ) )][random( 4 )];
        }
        const cut = random( 5 ) === 0 ? bytes.slice( 0, random( bytes.length ) ) : bytes;
        const from = Date.now();
        let source;
        try {
            source = open( cut );
        } catch( error ) {
            if( !/^(There is neither|This trace has version)/.test( error.message ) ) throw error;
            continue;
        }
        const read = new History( source );
        const moment = new Moment( read );
        for( const event of [read.count - 1, 0, read.count >> 1] ) {
            moment.seek( Math.max( -1, event ) );
            for( const heap of read.heaps ) moment.figures( heap );
        }
        slowest = Math.max( slowest, Date.now() - from );
    }
    console.log( `told the slowest of 1200 took ${slowest} ms` );
    return slowest < 5000 ? '' : `${slowest} ms`;
} );

/* What is saved. */
const lives = history.lives;
let calls = 0, leaked = 0, whole = 0, peak = 0;
{
    const useful = { now: 0, atPeak: 0 };
    const steps = [];
    for( let life = 0; life < lives.count; life++ ) {
        steps.push( [lives.start[life], 1, life] );
        if( lives.end[life] < history.count ) steps.push( [lives.end[life], 0, life] );
        else leaked += lives.requested[life];
        calls++;
    }
    steps.sort( ( a, b ) => a[0] - b[0] || a[1] - b[1] );
    for( const [, begins, life] of steps ) {
        whole += ( begins ? 1 : -1 ) * lives.size[life];
        useful.now += ( begins ? 1 : -1 ) * lives.requested[life];
        if( whole > peak ) [peak, useful.atPeak] = [whole, useful.now];
    }
}
for( const id of ['massif', 'heaptrack', 'perfetto'] ) writeFileSync( `${work}/short.${id}`, exported( history, id ).join( '' ) );
const unit = ( bytes ) => ( bytes < 1000 ? `${bytes}B` : bytes < 1e6 ? `${( bytes / 1e3 ).toFixed( 2 )}K` : `${( bytes / 1e6 ).toFixed( 2 )}M` );
writeFileSync( `${work}/totals`, `massif ${peak.toLocaleString( 'en-US' )}\ncalls ${calls}\nleaked total memory leaked: ${unit( leaked )}\n` );
test( 'what is saved for Perfetto is of the form that it reads, and ends with what is held', () => {
    const { traceEvents } = JSON.parse( readFileSync( `${work}/short.perfetto`, 'utf8' ) );
    const last = {};
    let before = 0;
    for( const event of traceEvents ) {
        const common = typeof event.name === 'string' && Number.isInteger( event.pid ) && Number.isInteger( event.tid ) && Number.isFinite( event.ts ) && typeof event.args === 'object';
        const own = event.ph === 'M' ? typeof event.args.name === 'string' : event.ph === 'C' ? event.args.bytes >= 0 : event.ph === 'i' && event.s === 'p';
        if( !common || !own ) return JSON.stringify( event );
        if( event.ph !== 'C' ) continue;
        if( event.ts < before ) return 'time goes back';
        before = event.ts;
        last[event.name] = event.args.bytes;
    }
    const truth = truths( 'short' ).pop();
    for( const [name, [bytes]] of Object.entries( truth.modules ) ) if( last[name] !== bytes ) return `${name}: ${last[name]} instead of ${bytes}`;
} );
console.log( 'end' );
