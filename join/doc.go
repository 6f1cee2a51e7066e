// Package join says which records belong together.
//
// There are only a few types: a [Window] is how far apart in time two records
// of streams may be, a [Pair] is what an outer join gives to its function, a
// [TableOption] tells how a stream waits for the table that it is joined with,
// and [Partitioners] where the records of a foreign-key join go. All are values;
// the joins themselves are methods of streams and tables.
package join
