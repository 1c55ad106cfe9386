/*
 * The page in Chromium: what it shows beside what the library said of the same heap. Prints `ok` or `FAIL` and a sentence a
 * case, and `end`. Run by tests/view/run; takes the pictures of the documents.
 */
import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

const [work, top, pictures] = process.argv.slice( 2 );
const browser = await chromium.launch( {
    executablePath: '/usr/bin/chromium', headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
} );
const requests = [], errors = [];
async function openPage( name, options = {} ) {
    const page = await browser.newPage( { viewport: { width: 1180, height: 960 }, colorScheme: 'light', ...options } );
    page.setDefaultTimeout( 30000 );
    page.on( 'request', ( request ) => requests.push( request.url() ) );
    page.on( 'pageerror', ( error ) => errors.push( error.stack ) );
    page.on( 'console', ( message ) => errors.push( message.text() ) );
    await page.goto( `file://${work}/${name}.html` );
    await page.waitForSelector( 'body[data-frame]' );
    return page;
}
async function test( sentence, body ) {
    let wrong;
    try {
        wrong = await body();
    } catch( error ) {
        wrong = error.stack;
    }
    console.log( wrong ? `FAIL ${sentence}\n${wrong}` : `ok ${sentence}` );
}
const equal = ( got, wanted, what ) => ( isDeepStrictEqual( got, wanted ) ? '' : `${what}: ${JSON.stringify( got )} instead of ${JSON.stringify( wanted )}` );
const truths = ( name ) => JSON.parse( readFileSync( `${work}/${name}.json`, 'utf8' ) );
const settled = ( page ) => page.evaluate( () => new Promise( ( done ) => requestAnimationFrame( () => requestAnimationFrame( done ) ) ) );
const shownEvent = async ( page ) => {
    await settled( page );
    return Number( await page.getAttribute( 'body', 'data-event' ) );
};
async function seek( page, event ) {
    await page.evaluate( ( value ) => {
        const slider = document.getElementById( 'slider' );
        slider.value = value;
        slider.dispatchEvent( new Event( 'input' ) );
    }, event );
    return shownEvent( page );
}

/* What a reader of the page reads. */
const shown = ( page ) => page.evaluate( () => {
    const number = ( text ) => Number( text.replace( /[,%]/g, '' ) );
    const figures = {};
    for( const one of document.querySelectorAll( '#figures > div' ) ) figures[one.firstChild.textContent] = number( one.lastChild.textContent );
    const modules = {};
    for( const row of document.querySelectorAll( '#modules tbody tr' ) ) {
        const cells = [...row.cells].map( ( cell ) => cell.textContent );
        if( cells[0] !== 'the heap itself' ) modules[cells[0]] = [number( cells[1] ), number( cells[3] )];
    }
    return { figures, modules };
} );
async function compare( page, truth ) {
    const { figures, modules } = await shown( page );
    return equal( figures, {
        Size: truth.size, Used: truth.used, 'The heap itself': truth.own, Free: truth.free, 'Largest free': truth.largest,
        Fragmentation: Number( ( 100 * ( 1 - truth.largest / truth.free ) ).toFixed( 1 ) ), Blocks: truth.blocks, 'Free blocks': truth.holes,
    }, `event ${truth.event}, figures` ) || equal( Object.entries( modules ).sort(), Object.entries( truth.modules ).sort(), `event ${truth.event}, modules` );
}
const text = ( page, selector ) => page.textContent( selector );

const page = await openPage( 'short' );
console.log( `told 200,000 events: read in ${await page.getAttribute( 'body', 'data-load' )} ms` );
await test( 'at every moment the page shows what the library says', async () => {
    const list = truths( 'short' );
    for( const truth of [...list].reverse().concat( list ) ) {
        await seek( page, truth.event - 1 );
        const wrong = await compare( page, truth );
        if( wrong ) return wrong;
    }
    return list.length >= 8 ? '' : 'too few moments';
} );
await test( 'the modules that leak are the first suspects, and the others are none', async () => {
    const suspects = await page.$$eval( '#suspects li', ( items ) => items.map( ( item ) => `${item.dataset.kind} ${item.dataset.module}` ) );
    if( !suspects.includes( 'left codec' ) || !suspects.includes( 'floor logger' ) || !suspects.includes( 'old logger' ) ) return suspects.join();
    const others = suspects.slice( 0, 3 ).filter( ( one ) => !/ (logger|codec)$/.test( one ) );
    return equal( others, [], suspects.join() );
} );
await test( 'a suspect leads to its blocks', async () => {
    await page.click( '#suspects li[data-kind="old"][data-module="logger"] button' );
    await settled( page );
    const block = await text( page, '#block' );
    const found = await text( page, '#found' );
    await page.keyboard.press( 'Escape' );
    await settled( page );
    return /logger/.test( block ) && /0x8001061/.test( block ) && /^\d+ blocks/.test( found ) ? '' : block + found;
} );
await test( 'all works by keyboard', async () => {
    await seek( page, 1000 );
    await page.keyboard.press( ']' );
    await page.keyboard.press( ']' );
    await page.keyboard.press( '[' );
    let wrong = equal( await shownEvent( page ), 1001, 'event' );
    await page.focus( '#slider' );
    await page.keyboard.press( 'ArrowRight' );
    wrong ||= equal( await shownEvent( page ), 1002, 'event by the slider' );
    await page.keyboard.press( 'Shift+}' );
    await settled( page );
    wrong ||= /unregister|register/.test( await text( page, '#event' ) ) ? '' : 'no load: ' + ( await text( page, '#event' ) );
    await page.keyboard.press( 'm' );
    await page.keyboard.press( 'ArrowRight' );
    await settled( page );
    const first = await text( page, '#block code' );
    await page.keyboard.press( 'ArrowRight' );
    await settled( page );
    const second = await text( page, '#block code' );
    wrong ||= BigInt( second ) > BigInt( first ) ? '' : `${first}, ${second}`;
    const before = await text( page, '#span' );
    await page.keyboard.press( 'Enter' );
    await settled( page );
    wrong ||= before !== ( await text( page, '#span' ) ) ? '' : 'it does not zoom';
    await page.keyboard.press( '0' );
    await page.keyboard.press( '/' );
    await page.keyboard.type( 'radio >100' );
    await settled( page );
    const owners = await page.$$eval( '#blocks tbody tr', ( rows ) => [...new Set( rows.map( ( row ) => row.cells[3].textContent ) )] );
    wrong ||= equal( owners, ['radio'], 'found' );
    await page.keyboard.press( 'Escape' );
    await page.keyboard.press( '?' );
    wrong ||= ( await page.isVisible( '#help' ) ) ? '' : 'no help';
    await page.keyboard.press( 'Escape' );
    wrong ||= ( await page.isVisible( '#help' ) ) ? 'the help stays' : '';
    return wrong;
} );
await test( 'a click in the map shows the block that lies there', async () => {
    await page.keyboard.press( 'Escape' );
    await page.keyboard.press( '0' );
    await settled( page );
    const box = await page.locator( '#map' ).boundingBox();
    const rows = Math.floor( box.height / 15 );
    for( const [row, x] of [[2, 0.2], [2, 0.8], [4, 0.5]] ) {
        /* to the right, until there is a block */
        let at = x, block = null;
        for( ; block === null && at < 1; at += 0.004 ) {
            await page.mouse.click( box.x + box.width * at, box.y + ( box.height * ( row + 0.5 ) ) / rows );
            await settled( page );
            block = await page.evaluate( () => document.querySelector( '#block code' )?.textContent ?? null );
        }
        const low = BigInt( ( await text( page, '#span' ) ).split( ' ' )[0] );
        const size = Number( /Size([\d,]+) bytes/.exec( await text( page, '#block' ) )[1].replace( ',', '' ) );
        const wanted = ( ( row + at ) / rows ) * 192 * 1024;
        const got = Number( BigInt( block ) - low );
        if( wanted < got - 300 || wanted > got + size + 300 ) return `${block} at ${got}, not ${wanted}`;
    }
} );
await test( 'a search for an address finds its block alone', async () => {
    const address = await text( page, '#blocks tbody tr:nth-child(3) button' );
    await page.fill( '#search', address );
    await settled( page );
    const wrong = equal( await page.getAttribute( '#found', 'data-count' ), '1', address );
    await page.fill( '#search', '' );
    return wrong;
} );
await test( 'the licences of what it holds of others are shown', async () => ( /uplot 1\.[\s\S]*MIT License[\s\S]*Leon Sorokin/.test( await text( page, '#licences' ) ) ? '' : 'they are not' ) );
await test( 'modules differ by pattern as well as by colour', async () => {
    const tiles = await page.$$eval( '#modules .swatch', ( all ) => all.map( ( one ) => one.style.backgroundImage ) );
    const shapes = await page.evaluate( async ( urls ) => {
        const result = [];
        for( const url of urls ) {
            const image = new Image();
            image.src = url.slice( 5, -2 );
            await image.decode();
            const canvas = document.createElement( 'canvas' );
            const context = canvas.getContext( '2d' );
            context.drawImage( image, 0, 0 );
            const { data } = context.getImageData( 0, 0, 8, 8 );
            const grey = Array.from( { length: 64 }, ( _, i ) => data[4 * i] + data[4 * i + 1] + data[4 * i + 2] );
            const least = Math.min( ...grey );
            result.push( grey.map( ( value ) => ( value > least + 60 ? 1 : 0 ) ).join( '' ) );
        }
        return result;
    }, tiles );
    return new Set( shapes ).size === shapes.length && shapes.length > 5 ? '' : shapes.join( '\n' );
} );
await test( 'it is dark where the reader has it so', async () => {
    const light = await page.evaluate( () => getComputedStyle( document.body ).backgroundColor );
    await page.emulateMedia( { colorScheme: 'dark' } );
    await settled( page );
    const dark = await page.evaluate( () => getComputedStyle( document.body ).backgroundColor );
    const map = await page.evaluate( () => [...document.getElementById( 'map' ).getContext( '2d' ).getImageData( 3, 7, 1, 1 ).data].slice( 0, 3 ) );
    const sum = ( colours ) => colours.reduce( ( a, b ) => a + b, 0 );
    await page.emulateMedia( { colorScheme: 'light' } );
    return sum( light.match( /\d+/g ).map( Number ) ) > 600 && sum( dark.match( /\d+/g ).map( Number ) ) < 120 && sum( map ) < 300 ? '' : `${light} ${dark} ${map}`;
} );
await test( 'it fits a phone', async () => {
    const phone = await openPage( 'short', { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true } );
    const width = await phone.evaluate( () => document.documentElement.scrollWidth );
    const box = await phone.locator( '#map' ).boundingBox();
    if( pictures ) await phone.screenshot( { path: `${work}/phone.png` } );
    let block = '';
    for( let x = 20; x < box.width && !/Address/.test( block ); x += 40 ) { // what lies there may be free
        await phone.touchscreen.tap( box.x + x, box.y + 40 );
        await settled( phone );
        block = await text( phone, '#block' );
    }
    await phone.close();
    return width <= 390 && box.width > 300 && /Address/.test( block ) ? '' : `${width} pixels wide, ${block}`;
} );
await test( 'what is saved is offered as a file', async () => {
    const [download] = await Promise.all( [page.waitForEvent( 'download' ), page.click( '#notes button:text("Perfetto")' )] );
    return equal( download.suggestedFilename(), 'short.json', 'its name' );
} );

if( pictures ) {
    for( const [scheme, name] of [['light', 'view'], ['dark', 'view-dark']] ) {
        await page.emulateMedia( { colorScheme: scheme } );
        await page.keyboard.press( 'Escape' );
        await seek( page, Math.floor( 200000 * 0.62 ) );
        await page.evaluate( () => scrollTo( 0, 0 ) );
        const box = await page.locator( '#map' ).boundingBox();
        await page.mouse.click( box.x + box.width * 0.33, box.y + box.height * 0.3 );
        await page.mouse.move( 5, 5 );
        await settled( page );
        await page.screenshot( { path: `${top}/docs/${name}.png` } );
    }
}

await test( 'an image shows what the library says, under its name', async () => {
    const image = await openPage( 'image' );
    const wrong = ( await compare( image, truths( 'short' ).pop() ) ) || equal( await text( image, '#file' ), 'it\'s "the" <image> & more', 'name' ) || equal( await image.isVisible( '#time' ), false, 'a slider' );
    await image.close();
    const guard = await openPage( 'guard' );
    const callers = await guard.$$eval( '#blocks tbody tr', ( rows ) => rows.filter( ( row ) => row.cells[5].textContent.startsWith( '0x' ) ).length );
    await guard.close();
    return wrong || ( callers > 10 ? '' : 'no callers' );
} );
await test( 'the page alone opens a file that it is given', async () => {
    const empty = await browser.newPage();
    await empty.goto( `file://${top}/tools/view/view.html` );
    await empty.waitForFunction( () => document.getElementById( 'message' ).textContent.includes( 'drop' ) );
    await empty.setInputFiles( '#open', `${work}/32.trace` );
    await empty.waitForSelector( 'body[data-frame]' );
    const facts = await text( empty, '#facts' );
    await empty.setInputFiles( '#open', `${work}/load-32` );
    await empty.waitForSelector( '#message.wrong' );
    await empty.close();
    return /32 bits/.test( facts ) ? '' : facts;
} );
await test( 'a million events open, and every step of the slider draws no more than 4,096 rectangles', async () => {
    const from = Date.now();
    const long = await openPage( 'long' );
    console.log( `told 1,000,000 events: open in ${Date.now() - from} ms, of which read in ${await long.getAttribute( 'body', 'data-load' )} ms` );
    for( const [name, tab] of [['200,000', page], ['1,000,000', long]] ) {
        const frames = [];
        let most = 0;
        const last = Number( await tab.getAttribute( '#slider', 'max' ) );
        for( let i = 0; i < 60; i++ ) {
            const wanted = i % 2 === 0 ? Math.floor( ( last * i ) / 60 ) : Math.floor( ( last * ( ( i * 37 ) % 60 ) ) / 60 );
            if( ( await seek( tab, wanted ) ) !== wanted ) return 'it shows another moment';
            frames.push( Number( await tab.getAttribute( 'body', 'data-frame' ) ) );
            const rectangles = Number( await tab.getAttribute( '#map', 'data-rectangles' ) );
            if( !( rectangles <= 4096 ) ) return `${rectangles} rectangles`;
            most = Math.max( most, rectangles );
        }
        if( most < 100 ) return `${most} rectangles`;
        frames.sort( ( a, b ) => a - b );
        console.log( `told ${name} events: a step of the slider takes ${frames[30]} ms in the middle, ${frames[59]} ms at most` );
    }
    const truth = truths( 'long' )[3];
    await seek( long, truth.event - 1 );
    const wrong = await compare( long, truth );
    await long.close();
    return wrong;
} );
await test( 'no request leaves the page, and it reports no error', async () => equal( requests.filter( ( url ) => !/^(file|data|blob):/.test( url ) ), [], 'requests' ) || equal( errors, [], 'errors' ) );
await browser.close();
console.log( 'end' );
