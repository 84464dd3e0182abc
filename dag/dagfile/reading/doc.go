// Package reading reads the values of a YAML file: texts, numbers, dates, lengths of time and
// typed values of Python. It reports each mistake at its place, with the DAG and the task that
// it is in.
package reading
