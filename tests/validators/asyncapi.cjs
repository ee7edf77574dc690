// Parses an AsyncAPI file and writes what the parser has to say of it as JSON.
const { Parser, fromFile } = require('@asyncapi/parser');

const SEVERITIES = ['error', 'warning', 'information', 'hint'];

fromFile(new Parser(), process.argv[2]).parse().then(({ document, diagnostics }) => {
  const found = diagnostics.map((d) => ({
    severity: SEVERITIES[d.severity], code: d.code, message: d.message, path: d.path.join('.'),
  }));
  const channels = (document ? document.channels().all() : []).map((channel) => ({
    address: channel.address(),
    messages: channel.messages().all().map((message) => ({
      name: message.name(),
      fields: Object.keys(message.payload().properties()),
      examples: message.examples().all().length,
    })),
  }));
  process.stdout.write(JSON.stringify({ diagnostics: found, channels }));
});
