/*
 * The heaps at one moment: which lives are live, and what each group holds. Moves forward and back by events, over longer
 * ways by a keyframe. May not draw.
 */
export class Moment {
    constructor( history ) {
        this.history = history;
        this.event = -1;
        this.live = new Int32Array( 1024 );
        this.slot = new Int32Array( history.lives.count );
        this.count = 0;
        this.ownerGroup = history.firstGroup.slice();
        this.renamed = 0; // renames done
    }

    add( life ) {
        if( this.count === this.live.length ) {
            const more = new Int32Array( 2 * this.count );
            more.set( this.live );
            this.live = more;
        }
        this.slot[life] = this.count;
        this.live[this.count++] = life;
    }

    remove( life ) {
        const last = this.live[--this.count];
        const slot = this.slot[life];
        this.live[slot] = last;
        this.slot[last] = slot;
    }

    /* After this event. */
    seek( event ) {
        const history = this.history;
        const { begun, ended, extra, keyframes } = history;
        let low = 0, high = keyframes.length; // the last keyframe at or before the event
        while( low < high ) {
            const middle = ( low + high ) >> 1;
            if( keyframes[middle].event <= event ) low = middle + 1;
            else high = middle;
        }
        const keyframe = low > 0 ? keyframes[low - 1] : { event: -1, live: [] };
        if( Math.abs( event - this.event ) > event - keyframe.event + keyframe.live.length ) {
            this.count = 0;
            for( const life of keyframe.live ) this.add( life );
            this.event = keyframe.event;
        }
        while( this.event < event ) {
            const e = ++this.event;
            if( ended[e] >= 0 ) this.remove( ended[e] );
            if( extra.has( e ) ) for( const life of extra.get( e ) ) this.remove( life );
            if( begun[e] >= 0 ) this.add( begun[e] );
        }
        while( this.event > event ) {
            const e = this.event--;
            if( begun[e] >= 0 ) this.remove( begun[e] );
            if( extra.has( e ) ) for( const life of extra.get( e ) ) this.add( life );
            if( ended[e] >= 0 ) this.add( ended[e] );
        }
        const renames = history.renames;
        while( this.renamed < renames.length && renames[this.renamed].event <= event ) {
            const { owner, after } = renames[this.renamed++];
            this.ownerGroup[owner] = after;
        }
        while( this.renamed > 0 && renames[this.renamed - 1].event > event ) {
            const { owner, before } = renames[--this.renamed];
            this.ownerGroup[owner] = before;
        }
    }

    groupOf( life ) {
        return this.ownerGroup[this.history.lives.owner[life]];
    }

    /* What one heap is at this moment. */
    figures( heap ) {
        const { lives, groups } = this.history;
        const bytes = new Float64Array( groups.length ), blocks = new Uint32Array( groups.length );
        const spans = [];
        const starts = new Float64Array( this.count );
        const ends = new Map();
        let n = 0, system = 0, used = 0, userBlocks = 0;
        for( let i = 0; i < this.count; i++ ) {
            const life = this.live[i];
            if( lives.heap[life] !== heap.index ) continue;
            const group = this.groupOf( life );
            const size = lives.size[life];
            bytes[group] += size;
            blocks[group]++;
            if( groups[group].kind === 'system' ) system += size;
            else {
                used += size;
                userBlocks++;
            }
            starts[n++] = lives.address[life] - 4;
            ends.set( lives.address[life] - 4, size );
        }
        const sorted = starts.subarray( 0, n ).sort();
        let at = heap.low, largest = 0, holes = 0;
        for( const start of sorted ) {
            if( start > at ) holes++;
            if( start - at > largest ) largest = start - at;
            at = Math.max( at, start + ends.get( start ) );
        }
        if( heap.high > at ) holes++;
        largest = Math.max( largest, heap.high - at );
        const stands = this.event >= heap.from && this.event < heap.to;
        const free = stands ? Math.max( 0, heap.high - heap.low - used - system ) : 0;
        for( let group = 0; group < groups.length; group++ ) if( blocks[group] > 0 ) spans.push( group );
        return {
            stands, bytes, blocks, present: spans, used, system, userBlocks, free,
            largest: stands ? largest : 0, holes, fragmentation: free > 0 ? Math.max( 0, 1 - largest / free ) : 0,
        };
    }
}
