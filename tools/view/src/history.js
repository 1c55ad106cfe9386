/*
 * What happened to the heaps, made of a source's records: the life of every block, figures over time, suspects. May not know
 * the page, nor how records are written.
 *
 * A block's life goes from the event that begins it to the one that ends it; a realloc or a change of owner ends one life and
 * begins the next, which knows the one before. So an event is undone as easily as done, and any moment is a keyframe and a few
 * events (moment.js).
 */
import { OP, OWNER_NOBODY, OWNER_SYSTEM } from './trace.js';

const BUCKETS = 480; // of a plot: each shows the lowest and the highest of its time
const INTERVALS_MOST = 64; // between unloads, for floors
const UNLOADS_LEAST = 3; // else tenths of the trace take their place
const NEVER = 0x7fffffff;

/* The lowest and the highest of a figure in each of some spans of time. */
export class Series {
    constructor( buckets ) {
        this.low = new Float64Array( buckets );
        this.high = new Float64Array( buckets );
        this.highIsLast = new Uint8Array( buckets );
        this.value = 0;
        this.last = -1;
        this.top = 0;
    }
    carry( bucket ) {
        while( this.last < bucket ) {
            this.last++;
            this.low[this.last] = this.high[this.last] = this.value;
        }
    }
    put( bucket, value ) {
        if( this.last < bucket ) this.carry( bucket );
        this.value = value;
        if( value > this.high[bucket] ) {
            this.high[bucket] = value;
            this.highIsLast[bucket] = 1;
            if( value > this.top ) this.top = value;
        } else if( value < this.low[bucket] ) {
            this.low[bucket] = value;
            this.highIsLast[bucket] = 0;
        }
    }
}

/* The places of live blocks in one heap, in the order of addresses, and the largest gap between them: a tree in which a node
 * has the first start and the last end of its blocks and the largest gap among them. */
class Gaps {
    constructor( addresses ) {
        let leaves = 1;
        while( leaves < addresses.length ) leaves *= 2;
        this.leaves = leaves;
        this.first = new Float64Array( 2 * leaves ).fill( Infinity );
        this.last = new Float64Array( 2 * leaves ).fill( -Infinity );
        this.gap = new Float64Array( 2 * leaves );
        this.life = new Int32Array( leaves ).fill( -1 );
        this.addresses = addresses;
    }
    set( leaf, start, end, life ) {
        const { first, last, gap } = this;
        let node = leaf + this.leaves;
        first[node] = start;
        last[node] = end;
        this.life[leaf] = life;
        for( node >>= 1; node >= 1; node >>= 1 ) {
            const left = 2 * node, right = left + 1;
            const between = first[right] - last[left];
            first[node] = first[left] < first[right] ? first[left] : first[right];
            last[node] = last[left] > last[right] ? last[left] : last[right];
            const most = gap[left] > gap[right] ? gap[left] : gap[right];
            gap[node] = between > most && between < Infinity ? between : most;
        }
    }
    find( address ) {
        let low = 0, high = this.addresses.length;
        while( low < high ) {
            const middle = ( low + high ) >> 1;
            if( this.addresses[middle] < address ) low = middle + 1;
            else high = middle;
        }
        return low;
    }
    clear( leaf ) {
        this.set( leaf, Infinity, -Infinity, -1 );
    }
    largest( low, high ) {
        if( this.first[1] === Infinity ) return high - low;
        return Math.max( this.gap[1], this.first[1] - low, high - this.last[1] );
    }
    /* The nearest live leaf in front of or behind one; -1: none. */
    near( leaf, step ) {
        let node = leaf + this.leaves;
        const side = step > 0 ? 0 : 1; // children on this side have a sibling in the direction
        while( node > 1 && ( ( node & 1 ) !== side || this.first[node + step] === Infinity ) ) node >>= 1;
        if( node <= 1 ) return -1;
        node += step;
        while( node < this.leaves ) {
            const near = 2 * node + ( step > 0 ? 0 : 1 );
            node = this.first[near] !== Infinity ? near : 2 * node + ( step > 0 ? 1 : 0 );
        }
        return node - this.leaves;
    }
}

/* Lifetimes, in quarters of powers of two. */
class Lifetimes {
    constructor() {
        this.counts = new Uint32Array( 260 );
        this.total = 0;
    }
    add( time ) {
        this.counts[time < 1 ? 0 : Math.min( 259, 1 + Math.floor( 4 * Math.log2( time ) ) )]++;
        this.total++;
    }
    /* No more than one in twenty lived longer. */
    usual() {
        let sum = 0, i = 0;
        while( i < 260 && ( sum += this.counts[i] ) < 0.95 * this.total ) i++;
        return 2 ** ( i / 4 );
    }
}

export class History {
    constructor( source ) {
        this.source = source;
        this.count = source.count;
        this.clocked = source.ticks > 0;
        this.notes = [...source.notes];
        this.heaps = [];
        this.groups = []; // modules by name; the heap itself and nobody too
        this.groupByName = new Map();
        this.owners = new Map(); // of a module's number: index into what follows
        this.ownerGroup = [];
        this.renames = []; // { event, owner, before, after }
        this.loads = []; // { event, heap, group, load, blocks, bytes } of modules
        this.refusals = [];
        this.lost = [];
        this.extra = new Map(); // lives that an event ended beyond the first
        this.survey();
        this.replay();
        this.findSuspects();
    }

    clock( event ) {
        return this.clocked ? this.time[event] : event;
    }

    /* ---- First reading: heaps, places, times ---- */

    survey() {
        const n = this.count;
        this.op = new Uint8Array( n );
        this.time = new Float64Array( n );
        this.heapOf = new Uint16Array( n );
        this.place = new Int32Array( n ); // of the address, and of a realloc's new one: number, later leaf
        this.place2 = new Int32Array( n );
        const standing = []; // heaps, the last made in front
        let event = 0, unknown = null;
        const add = ( start, bytes, control, granule, name, known ) => {
            const heap = { index: this.heaps.length, start, bytes, control, granule, name, known, places: new Map(), from: event, to: NEVER, events: 0, unloads: 0 };
            this.heaps.push( heap );
            return heap;
        };
        const of = ( address ) => {
            let best = null;
            for( const heap of standing )
                if( address >= heap.start && address < heap.start + heap.bytes && ( best === null || heap.bytes < best.bytes ) ) best = heap;
            if( best !== null ) return best;
            unknown ??= add( Infinity, 0, 0, 8, '', false );
            return unknown;
        };
        const number = ( heap, address ) => {
            let place = heap.places.get( address );
            if( place === undefined ) heap.places.set( address, ( place = heap.places.size ) );
            return place;
        };
        const bad = this.source.records( ( r ) => {
            let heap = null;
            this.op[event] = r.op;
            this.time[event] = r.time;
            switch( r.op ) {
            case OP.HEAP_MADE:
            case OP.IS_HEAP:
                heap = standing.find( ( one ) => one.start === r.address );
                if( heap !== undefined && r.op === OP.IS_HEAP && heap.bytes === r.bytes ) break;
                if( heap !== undefined ) {
                    heap.to = event;
                    standing.splice( standing.indexOf( heap ), 1 );
                }
                if( this.heaps.length < 65000 ) standing.unshift( ( heap = add( r.address, r.bytes, r.control, r.granule, r.text, true ) ) );
                break;
            case OP.HEAP_ENDS:
                heap = standing.find( ( one ) => one.start === r.address );
                if( heap === undefined ) break;
                heap.to = event;
                standing.splice( standing.indexOf( heap ), 1 );
                break;
            case OP.MALLOC:
            case OP.IS_BLOCK:
            case OP.FREE:
            case OP.LEFT:
            case OP.RETAG:
            case OP.REALLOC:
                heap = of( r.address );
                this.place[event] = number( heap, r.address );
                if( !heap.known && r.op !== OP.FREE && r.op !== OP.LEFT ) {
                    heap.start = Math.min( heap.start, r.address - 4 );
                    heap.bytes = Math.max( heap.bytes, r.address + r.block ); // the end, for now
                }
                if( r.op === OP.REALLOC ) {
                    if( !heap.known ) heap.bytes = Math.max( heap.bytes, r.to + r.block );
                    if( !heap.known ) heap.start = Math.min( heap.start, r.to - 4 );
                    this.place2[event] = number( heap, r.to );
                }
                break;
            case OP.REGISTER:
            case OP.RENAME:
            case OP.UNREGISTER:
            case OP.IS_OWNER:
                heap = of( r.address );
                if( r.op === OP.UNREGISTER ) heap.unloads++;
                break;
            case OP.REFUSED:
                heap = standing.find( ( one ) => one.start === r.address );
                break;
            }
            if( heap ) {
                heap.events++;
                this.heapOf[event] = heap.index;
            } else this.heapOf[event] = 0xffff;
            event++;
        } );
        if( bad > 0 ) this.notes.push( `${bad} records are shorter than their fields; they are left out.` );
        if( unknown !== null ) {
            if( unknown.start === Infinity ) unknown.start = 0;
            unknown.bytes = Math.max( 0, unknown.bytes - unknown.start );
            if( unknown.events > 0 ) this.notes.push( 'Of some blocks the trace does not say in which heap they lie: its bounds are those of its blocks.' );
        }
        for( const heap of this.heaps ) {
            const addresses = Float64Array.from( heap.places.keys() ).sort();
            const rank = new Map();
            for( let i = 0; i < addresses.length; i++ ) rank.set( addresses[i], i );
            heap.rank = new Int32Array( addresses.length );
            for( const [address, place] of heap.places ) heap.rank[place] = rank.get( address );
            heap.gaps = new Gaps( addresses );
            heap.places = null;
            heap.low = heap.start + heap.control;
            heap.high = heap.start + heap.bytes - ( heap.known ? 4 : 0 );
            heap.used = 0;
            heap.peak = 0;
        }
        this.begin = this.clocked ? this.time[0] ?? 0 : 0;
        this.end = Math.max( this.begin + 1, this.clocked ? this.time[this.count - 1] ?? 0 : this.count - 1 );
    }

    bucket( event ) {
        return Math.min( BUCKETS - 1, Math.floor( ( ( this.clock( event ) - this.begin ) / ( this.end - this.begin ) ) * BUCKETS ) );
    }

    /* ---- Names ---- */

    group( name, kind ) {
        const key = kind + name;
        let group = this.groupByName.get( key );
        if( group === undefined ) {
            group = { index: this.groups.length, name, kind, series: [], floors: [], lifetimes: new Lifetimes(), unloads: 0, left: [], top: 0 };
            this.groups.push( group );
            this.groupByName.set( key, group );
        }
        return group;
    }

    /* The index of an owner: its number alone tells it from all others, but for the heap itself and nobody. */
    owner( number ) {
        let owner = this.owners.get( number );
        if( owner === undefined ) {
            owner = this.ownerGroup.length;
            this.owners.set( number, owner );
            const group = number === OWNER_SYSTEM ? this.group( 'the heap itself', 'system' ) : number === OWNER_NOBODY ? this.group( 'nobody', 'nobody' ) : null;
            this.ownerGroup.push( group === null ? -1 : group.index );
        }
        return owner;
    }

    /* Names that are said before anything else is known of an owner, so that one that is told late holds for what was before. */
    readNames() {
        const names = new Map();
        this.source.records( ( r ) => {
            if( ( r.op === OP.REGISTER || r.op === OP.IS_OWNER || r.op === OP.RENAME ) && !names.has( r.owner ) ) names.set( r.owner, r.text );
        } );
        return names;
    }

    /* ---- Second reading: lives and figures ---- */

    replay() {
        const n = this.count;
        const names = this.readNames();
        /* an event begins no more than one life */
        const lives = ( this.lives = {
            count: 0,
            address: new Float64Array( n ), size: new Uint32Array( n ), requested: new Uint32Array( n ), owner: new Int32Array( n ),
            caller: new Float64Array( n ), thread: new Float64Array( n ), alignment: new Uint32Array( n ),
            start: new Int32Array( n ), end: new Int32Array( n ), born: new Int32Array( n ), before: new Int32Array( n ), heap: new Uint16Array( n ),
        } );
        const held = new Int32Array( n ), slot = new Int32Array( n ); // live ones, in no order; where each is
        this.begun = new Int32Array( n ).fill( -1 );
        this.ended = new Int32Array( n ).fill( -1 );
        let event = 0, incomplete = false, unknown = 0, live = 0;
        this.keyframes = [];
        let sinceKeyframe = 0;

        for( const heap of this.heaps ) {
            const byUnload = heap.unloads >= UNLOADS_LEAST;
            heap.intervals = byUnload ? Math.min( heap.unloads, INTERVALS_MOST ) + 1 : 10;
            heap.byUnload = byUnload;
            heap.unloadsSeen = 0;
            heap.total = new Series( BUCKETS );
            heap.fragmentation = new Series( BUCKETS );
        }
        const interval = ( heap ) => {
            if( heap.byUnload ) return Math.floor( ( heap.unloadsSeen * ( heap.intervals - 1 ) ) / heap.unloads );
            return Math.min( 9, Math.floor( ( event * 10 ) / n ) );
        };
        const groupOf = ( owner, number ) => {
            if( this.ownerGroup[owner] < 0 ) this.ownerGroup[owner] = this.group( names.get( number ) ?? `module ${number}`, 'module' ).index;
            return this.groups[this.ownerGroup[owner]];
        };
        const book = ( heap, group, bytes ) => {
            const series = ( group.series[heap.index] ??= new Series( BUCKETS ) );
            const floors = ( group.floors[heap.index] ??= new Series( heap.intervals ) );
            series.put( this.bucket( event ), series.value + bytes );
            floors.put( interval( heap ), series.value );
        };
        const finish = ( life, leaf, isLast ) => {
            const heap = this.heaps[lives.heap[life]];
            const group = this.groups[this.ownerGroup[lives.owner[life]]];
            lives.end[life] = event;
            if( this.ended[event] < 0 ) this.ended[event] = life;
            else {
                const more = this.extra.get( event );
                if( more === undefined ) this.extra.set( event, [life] );
                else more.push( life );
            }
            heap.gaps.clear( leaf );
            heap.used -= lives.size[life];
            const moved = held[--live];
            held[slot[life]] = moved;
            slot[moved] = slot[life];
            book( heap, group, -lives.size[life] );
            if( isLast ) group.lifetimes.add( this.clock( event ) - this.clock( lives.born[life] ) );
        };
        const begin = ( heap, leaf, r, address, number, before ) => {
            const gaps = heap.gaps;
            const from = address - 4, to = from + r.block;
            if( gaps.life[leaf] >= 0 ) finish( gaps.life[leaf], leaf, false );
            if( incomplete ) {
                for( let near = gaps.near( leaf, -1 ); near >= 0 && gaps.last[near + gaps.leaves] > from; near = gaps.near( leaf, -1 ) ) finish( gaps.life[near], near, false );
                for( let near = gaps.near( leaf, 1 ); near >= 0 && gaps.first[near + gaps.leaves] < to; near = gaps.near( leaf, 1 ) ) finish( gaps.life[near], near, false );
            }
            const life = lives.count++;
            const owner = this.owner( number );
            const group = groupOf( owner, number );
            lives.address[life] = address;
            lives.size[life] = r.block;
            lives.requested[life] = r.requested;
            lives.owner[life] = owner;
            lives.caller[life] = r.caller;
            lives.thread[life] = r.thread;
            lives.alignment[life] = r.alignment;
            lives.start[life] = event;
            lives.end[life] = NEVER;
            lives.born[life] = before >= 0 ? lives.born[before] : event;
            lives.before[life] = before;
            lives.heap[life] = heap.index;
            this.begun[event] = life;
            gaps.set( leaf, from, to, life );
            heap.used += r.block;
            if( heap.used > heap.peak ) heap.peak = heap.used;
            slot[life] = live;
            held[live++] = life;
            book( heap, group, r.block );
        };
        const leafOf = ( heap, place ) => heap.rank[place];

        const copy = {};
        this.source.records( ( r ) => {
            const heap = this.heapOf[event] === 0xffff ? null : this.heaps[this.heapOf[event]];
            switch( r.op ) {
            case OP.MALLOC:
                begin( heap, leafOf( heap, this.place[event] ), r, r.address, r.owner, -1 );
                break;
            case OP.IS_BLOCK: {
                const leaf = leafOf( heap, this.place[event] );
                const known = heap.gaps.life[leaf];
                if( known >= 0 && lives.size[known] === r.block && lives.owner[known] === this.owner( r.owner ) ) break;
                begin( heap, leaf, r, r.address, r.owner, -1 );
                break;
            }
            case OP.FREE:
            case OP.LEFT: {
                const leaf = leafOf( heap, this.place[event] );
                const life = heap.gaps.life[leaf];
                if( life < 0 ) unknown++;
                else {
                    if( r.op === OP.LEFT ) {
                        const group = groupOf( lives.owner[life], r.owner );
                        group.leaving ??= { blocks: 0, bytes: 0, callers: new Map() };
                        group.leaving.blocks++;
                        group.leaving.bytes += r.block;
                        group.leaving.callers.set( lives.caller[life], ( group.leaving.callers.get( lives.caller[life] ) ?? 0 ) + 1 );
                    }
                    finish( life, leaf, r.op === OP.FREE );
                }
                break;
            }
            case OP.REALLOC: {
                const leaf = leafOf( heap, this.place[event] );
                const life = heap.gaps.life[leaf];
                if( life < 0 ) unknown++;
                else finish( life, leaf, false );
                begin( heap, leafOf( heap, this.place2[event] ), r, r.to, r.newOwner, life );
                break;
            }
            case OP.RETAG: {
                const leaf = leafOf( heap, this.place[event] );
                const life = heap.gaps.life[leaf];
                if( life >= 0 ) {
                    finish( life, leaf, false );
                    Object.assign( copy, { block: lives.size[life], requested: lives.requested[life], caller: lives.caller[life], thread: lives.thread[life], alignment: lives.alignment[life] } );
                } else {
                    unknown++;
                    Object.assign( copy, { block: r.block, requested: r.block - 4, caller: 0, thread: 0, alignment: 0 } );
                }
                begin( heap, leaf, copy, r.address, r.newOwner, life );
                break;
            }
            case OP.REGISTER:
            case OP.IS_OWNER:
            case OP.RENAME: {
                const owner = this.owner( r.owner );
                const before = groupOf( owner, r.owner );
                const after = this.group( r.text, 'module' );
                if( before !== after ) {
                    this.ownerGroup[owner] = after.index;
                    this.renames.push( { event, owner, before: before.index, after: after.index } );
                    const bytes = new Float64Array( this.heaps.length );
                    for( let i = 0; i < live; i++ ) if( lives.owner[held[i]] === owner ) bytes[lives.heap[held[i]]] += lives.size[held[i]];
                    for( const one of this.heaps ) {
                        if( bytes[one.index] === 0 ) continue;
                        book( one, before, -bytes[one.index] );
                        book( one, after, bytes[one.index] );
                    }
                }
                if( r.op === OP.REGISTER ) this.loads.push( { event, heap: heap.index, group: after.index, load: true, blocks: 0, bytes: 0 } );
                break;
            }
            case OP.UNREGISTER: {
                const group = groupOf( this.owner( r.owner ), r.owner );
                const left = group.leaving ?? { blocks: 0, bytes: 0, callers: new Map() };
                group.leaving = undefined;
                group.unloads++;
                if( left.blocks > 0 ) group.left.push( { event, heap: heap.index, ...left } );
                this.loads.push( { event, heap: heap.index, group: group.index, load: false, blocks: left.blocks, bytes: left.bytes } );
                heap.unloadsSeen++;
                break;
            }
            case OP.HEAP_MADE:
            case OP.HEAP_ENDS:
                for( let i = live - 1; i >= 0; i-- ) {
                    const life = held[i];
                    const gone = this.heaps[lives.heap[life]];
                    if( gone.to === event ) finish( life, gone.gaps.find( lives.address[life] ), false );
                }
                break;
            case OP.REFUSED:
                this.refusals.push( { event, heap: heap === null ? -1 : heap.index, requested: r.requested, alignment: r.alignment, reason: r.reason, module: r.text, caller: r.caller, thread: r.thread } );
                break;
            case OP.LOST:
                if( r.lost > 0 ) {
                    incomplete = true;
                    this.lost.push( { event, count: r.lost } );
                }
                break;
            }
            if( heap !== null && heap.bytes > 0 ) {
                const bucket = this.bucket( event );
                const free = heap.high - heap.low - heap.used;
                heap.total.put( bucket, heap.used );
                if( event < heap.to ) heap.fragmentation.put( bucket, free > 0 ? Math.max( 0, 1 - heap.gaps.largest( heap.low, heap.high ) / free ) : 0 );
            }
            if( unknown > 0 ) incomplete = true;
            if( ++sinceKeyframe >= Math.max( 2048, live ) ) {
                sinceKeyframe = 0;
                this.keyframes.push( { event, live: held.slice( 0, live ) } );
            }
            event++;
        } );
        if( unknown > 0 ) this.notes.push( `${unknown} events are about blocks whose begin is not in the trace.` );
        for( const heap of this.heaps ) {
            heap.total.carry( BUCKETS - 1 );
            heap.fragmentation.carry( BUCKETS - 1 );
            heap.gaps = null;
            heap.rank = null;
        }
        this.place = this.place2 = null;
        for( const column of Object.keys( lives ) ) if( column !== 'count' ) lives[column] = lives[column].slice( 0, lives.count );
        for( const group of this.groups ) {
            for( const heap of this.heaps ) {
                group.series[heap.index]?.carry( BUCKETS - 1 );
                group.floors[heap.index]?.carry( heap.intervals - 1 );
            }
            group.top = Math.max( 0, ...group.series.filter( Boolean ).map( ( series ) => series.top ) );
        }
        /* owners as they were before all renames: a moment goes on from there */
        this.firstGroup = Int32Array.from( this.ownerGroup );
        for( let i = this.renames.length - 1; i >= 0; i-- ) this.firstGroup[this.renames[i].owner] = this.renames[i].before;
        /* styles by how much was held at most; the heap itself and nobody have their own */
        this.ranked = this.groups.filter( ( group ) => group.kind === 'module' ).sort( ( a, b ) => b.top - a.top );
        this.ranked.forEach( ( group, rank ) => ( group.rank = rank ) );
    }

    /* ---- Suspects ---- */

    findSuspects() {
        this.suspects = [];
        if( this.source.kind !== 'trace' ) return;
        for( const group of this.groups ) {
            if( group.kind === 'system' ) continue;
            this.suspectLeft( group );
            for( const heap of this.heaps ) if( group.floors[heap.index] !== undefined ) this.suspectFloor( group, heap );
        }
        this.suspectOld();
        this.suspects.sort( ( a, b ) => b.weight - a.weight );
    }

    /* A module that leaves blocks behind when it is unloaded. */
    suspectLeft( group ) {
        if( group.left.length === 0 ) return;
        const bytes = group.left.reduce( ( sum, left ) => sum + left.bytes, 0 );
        const blocks = group.left.reduce( ( sum, left ) => sum + left.blocks, 0 );
        const callers = new Map();
        for( const left of group.left ) for( const [caller, count] of left.callers ) callers.set( caller, ( callers.get( caller ) ?? 0 ) + count );
        const caller = [...callers].sort( ( a, b ) => b[1] - a[1] )[0][0];
        this.suspects.push( { kind: 'left', group: group.index, heap: group.left[0].heap, event: group.left[group.left.length - 1].event, bytes, blocks, caller, times: group.left.length, unloads: group.unloads, weight: bytes } );
    }

    /* A module whose floor rises from unload to unload. */
    suspectFloor( group, heap ) {
        const low = group.floors[heap.index].low;
        const last = heap.intervals - 1;
        if( last < 3 ) return;
        let rises = 0, falls = 0;
        for( let i = 2; i <= last; i++ ) {
            if( low[i] > low[i - 1] ) rises++;
            if( low[i] < low[i - 1] ) falls++;
        }
        const steps = last - 1;
        const goesOn = low[last] > low[1 + Math.floor( ( steps * 2 ) / 3 )];
        if( rises < Math.max( 3, steps / 8 ) || 10 * falls > rises || !goesOn ) return;
        const bytes = low[last] - low[1];
        this.suspects.push( { kind: 'floor', group: group.index, heap: heap.index, event: this.count - 1, bytes, rises, steps, byUnload: heap.byUnload, floors: Array.from( low.subarray( 1, last + 1 ) ), weight: bytes } );
    }

    /* Blocks at the end that are much older than blocks of their module usually get, by who asked for them. */
    suspectOld() {
        const lives = this.lives;
        const end = this.clock( this.count - 1 );
        const found = new Map();
        const usual = this.groups.map( ( group ) => ( group.kind !== 'system' && group.lifetimes.total >= 16 ? group.lifetimes.usual() : Infinity ) );
        for( let life = 0; life < lives.count; life++ ) {
            if( lives.end[life] !== NEVER ) continue;
            const group = this.ownerGroup[lives.owner[life]];
            const age = end - this.clock( lives.born[life] );
            if( !( age > 4 * usual[group] ) ) continue;
            const key = `${group}/${lives.caller[life]}/${lives.heap[life]}`;
            let one = found.get( key );
            if( one === undefined )
                found.set( key, ( one = { kind: 'old', group, heap: lives.heap[life], event: this.count - 1, bytes: 0, blocks: 0, caller: lives.caller[life], oldest: life, age, youngest: age, usual: usual[group], weight: 0 } ) );
            one.bytes += lives.size[life];
            one.blocks++;
            if( age > one.age ) Object.assign( one, { age, oldest: life } );
            if( age < one.youngest ) one.youngest = age;
        }
        /* what was allocated at one time is more often meant to stay than what comes by and by */
        for( const one of found.values() ) {
            one.spread = ( one.age - one.youngest ) / ( this.end - this.begin );
            this.suspects.push( Object.assign( one, { weight: one.bytes * Math.max( 1 / 1024, one.spread ) } ) );
        }
    }
}

export { BUCKETS, NEVER };
