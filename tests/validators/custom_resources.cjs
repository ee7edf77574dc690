// Validates resources of operators, a JSON list on standard input: their values by the operator's schema, their keys
// by its types. Writes what is wrong, one line each.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const ts = require('typescript');

const PACKAGES = { 'keda.sh': 'keda', 'monitoring.coreos.com': 'prometheus-operator' };
const MODULES = process.env.NODE_PATH;
const resources = JSON.parse(readFileSync(0, 'utf8'));

function path({ apiVersion, kind }) {
  const [group, version] = apiVersion.split('/');
  return `@kubernetes-models/${PACKAGES[group]}/${group}/${version}/${kind}`;
}

async function validate(resource) {
  const models = await import(pathToFileURL(join(MODULES, `${path(resource)}.js`)));
  try {
    new models[resource.kind](resource).validate();
  } catch (error) {
    console.log(`${resource.kind} ${resource.metadata.name}: ${error.message}`);
  }
}

function compile() {
  const lines = resources.map((resource, i) => `import type { I${resource.kind} as T${i} } from "${path(resource)}";
    export const r${i}: T${i} = ${JSON.stringify(resource)};`);
  const file = join(MODULES, 'resources.ts');
  const options = {
    noEmit: true, strict: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const onDisk = host.getSourceFile;
  host.getSourceFile = (name, ...rest) => name === file
    ? ts.createSourceFile(name, lines.join('\n'), ...rest) : onDisk(name, ...rest);
  const program = ts.createProgram([file], options, host);
  for (const { messageText } of ts.getPreEmitDiagnostics(program)) {
    console.log(ts.flattenDiagnosticMessageText(messageText, ' '));
  }
}

Promise.all(resources.map(validate)).then(compile);
