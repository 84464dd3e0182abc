// Package convert rewrites DAG files of older versions of dag-factory, for dags convert.
package convert
