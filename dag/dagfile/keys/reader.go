// Package keys declares the keys of DAG files, one line each: reading them, their JSON Schema,
// their canonical form and their documentation come from that line.
package keys

import (
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/reading"
	"github.com/dingdag/dingdag/dag/dagfile/schedule"
)

// Reader is what keys are read with.
type Reader struct {
	schedule.Reader
	// DateZone is where dates are placed, Now the moment from which relative ones count.
	DateZone *time.Location
	Now      time.Time
	// Restoring reads the canonical form: what was checked against the machine then is not
	// checked again.
	Restoring bool
	// CheckParam checks the default of a typed param against its JSON Schema; nil for no check.
	CheckParam func(schema map[string]any, value any) error
	// CheckOwner says what is wrong with an owner, empty when nothing is; nil for no check.
	CheckOwner func(owner string) string
	// Callbacks reads the value of a callback key in a scope.
	Callbacks func(s reading.Scope, key, value *yaml.Node) []dag.Callback
	// Unsure collects what errors hide.
	Unsure *Unsure
}
