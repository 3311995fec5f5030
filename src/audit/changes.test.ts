import { expect, it } from 'vitest';
import { changesBetween } from './changes.ts';

it.each<[string, object, object, object]>([
  ['nothing', { a: 1, b: ['x'] }, { a: 1, b: ['x'] }, {}],
  ['a value', { a: 1, b: 2 }, { a: 1, b: 3 }, { b: { from: 2, to: 3 } }],
  ['null', { a: null }, { a: 'x' }, { a: { from: null, to: 'x' } }],
  ['a list', { a: ['x', 'y'] }, { a: ['x'] }, { a: { from: ['x', 'y'], to: ['x'] } }],
  ['a field inside', { s: { a: 1, b: 2 } }, { s: { a: 1, b: 3 } }, { 's.b': { from: 2, to: 3 } }],
  ['a field that came', { s: {} }, { s: { b: { min: '4' } } }, { 's.b.min': { from: null, to: '4' } }],
  ['a field that went', { s: { b: 1 } }, { s: {} }, { 's.b': { from: 1, to: null } }],
  ['a value in place of fields', { s: { b: 1 } }, { s: null }, { 's.b': { from: 1, to: null } }],
  ['a list of objects', { a: [] }, { a: [{ b: 1 }] }, { a: { from: [], to: '[{"b":1}]' } }],
])('tells what changed: %s', (_, before, after, expected) => {
  expect(changesBetween(before, after)).toEqual(expected);
});
