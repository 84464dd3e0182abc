// Package yamlvalue is the floor that everything that reads YAML stands on: what a scalar
// means in YAML 1.1, as PyYAML reads it for Airflow, nodes and their places, durations,
// where a mistake is and what may have been meant instead.
package yamlvalue
