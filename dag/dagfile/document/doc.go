// Package document makes the tree of a YAML file: one document, with aliases, merge keys,
// environment variables and joins resolved, within limits that keep a hostile file small.
package document
