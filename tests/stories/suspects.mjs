/* Prints the list of suspects that a page of `dmheap view` shows. */
import { chromium } from 'playwright-core';

const browser = await chromium.launch( { executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] } );
const page = await browser.newPage();
await page.goto( `file://${process.argv[2]}` );
await page.waitForSelector( 'body[data-frame]' );
for( const line of ( await page.innerText( '#suspects' ) ).split( '\n' ) ) if( line.trim() !== '' ) console.log( line.trim() );
await browser.close();
