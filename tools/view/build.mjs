/*
 * Makes the page of what is in src/: one file that needs nothing else. `node build.mjs OUT`, after `npm ci`.
 */
import { build } from 'esbuild';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname( fileURLToPath( import.meta.url ) );
const result = await build( {
    absWorkingDir: here, entryPoints: ['src/main.js'], bundle: true, minify: true, format: 'iife', target: 'es2021',
    charset: 'ascii', legalComments: 'none', outdir: 'out', write: false, metafile: true,
} );
const text = ( suffix ) => result.outputFiles.find( ( file ) => file.path.endsWith( suffix ) ).text.trim();

/* The licences of the packages that are in it. */
const packages = new Set();
for( const input of Object.keys( result.metafile.inputs ) ) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec( input );
    if( found ) packages.add( found[1] );
}
const escaped = ( plain ) => plain.replace( /&/g, '&amp;' ).replace( /</g, '&lt;' );
const licences = [...packages].sort().map( ( name ) => {
    const folder = join( here, 'node_modules', name );
    const { version } = JSON.parse( readFileSync( join( folder, 'package.json' ), 'utf8' ) );
    return `${name} ${version}\n\n${readFileSync( join( folder, 'LICENSE' ), 'utf8' ).trim()}`;
} );

let page = readFileSync( join( here, 'src/index.html' ), 'utf8' );
for( const [mark, content] of [
    ['/*STYLE*/', text( '.css' )],
    ['/*LICENCES*/', escaped( licences.join( '\n\n' ) )],
    ['/*SCRIPT*/', text( '.js' ).replace( /<\/script/g, '<\\/script' )],
] ) page = page.split( mark ).join( content );
writeFileSync( process.argv[2], page );
