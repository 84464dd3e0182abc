// Package dagfile turns DAG files into DAGs: finding and reading the files, merging defaults,
// task groups, dependencies and every check that can be made without running anything.
package dagfile
