// Writes tests/vectors/ecs_fields.tsv: names, types and allowed values of ECS, facts taken from Elastic's own package.
//   npm pack @elastic/ecs && tar xzf elastic-ecs-*.tgz && node scripts/ecs_fields.cjs ./package > tests/vectors/ecs_fields.tsv
const { EcsFlat, EcsVersion } = require(require('path').resolve(process.argv[2]));
const SETS = new Set(['client', 'destination', 'dns', 'ecs', 'event', 'host', 'network', 'observer', 'related', 'rule',
  'server', 'source', 'tls']);
const names = (values) => (values || []).map((value) => value.name || value).join(' ');
const types = (values) => (values || []).filter((value) => value.expected_event_types)
  .map((value) => `${value.name}:${value.expected_event_types.join(',')}`).join(' ');

console.log(`# ECS ${EcsVersion}: field, type, array or one, allowed values, event.type by event.category, pattern`);
for (const [name, field] of Object.entries(EcsFlat).sort()) {
  if (name.includes('.') && !SETS.has(name.split('.')[0])) continue;
  const many = (field.normalize || []).includes('array') ? 'array' : 'one';
  const allowed = names(field.allowed_values || field.expected_values);
  console.log([name, field.type, many, allowed, types(field.allowed_values), field.pattern].join('\t').trimEnd());
}
