// Validates the AsyncAPI documents that it is called with. Prints what is wrong
// and exits with 1 if one is not valid.
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';
import { AvroSchemaParser } from '@asyncapi/avro-schema-parser';
import { ProtoBuffSchemaParser } from '@asyncapi/protobuf-schema-parser';

const parser = new Parser({ schemaParsers: [AvroSchemaParser(), new ProtoBuffSchemaParser()] });
let failed = false;
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(file, 'utf8'));
  const errors = diagnostics.filter((d) => d.severity === 0);
  for (const e of errors) console.error(`${file}: ${e.path.join('.')}: ${e.message}`);
  if (!document || errors.length > 0) failed = true;
  else console.log(`${file}: ${document.channels().all().length} channels`);
}
process.exit(failed ? 1 : 0);
