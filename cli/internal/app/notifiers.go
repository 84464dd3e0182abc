package app

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/yamlvalue"
)

// OnImportError reads the setting: what is wrong with it is one error with its place.
func (a *App) OnImportError(c catalog.Catalog) ([]dag.Callback, error) {
	set := a.Settings.OnImportError
	return a.notifiersOf(c, "on_import_error", set.From, set.Node)
}

// notifiersOf reads notifiers that stand in a setting, none for no node.
func (a *App) notifiersOf(c catalog.Catalog, key, from string, n *yaml.Node) ([]dag.Callback, error) {
	if n == nil {
		return nil, nil
	}
	o, err := a.DAGs.Options()
	if err != nil {
		return nil, err
	}
	list, found := dagfile.ParseCallbacks(from, key, n, c, o)
	for _, d := range found {
		if d.Severity != dag.Error {
			a.Log().Warn("settings", "problem", d.String())
		}
	}
	if found.HasErrors() {
		return nil, command.UsageError{Err: errors.New(errorsOf(found))}
	}
	return list, nil
}

// DailyDigest reads the setting, nil for none: what is wrong with it is one error with its places.
func (a *App) DailyDigest(c catalog.Catalog) (*engine.DailyDigest, error) {
	set := a.Settings.DailyDigest
	if set.Node == nil || set.Node.Tag == "!!null" {
		return nil, nil
	}
	wrong := func(n *yaml.Node, format string, args ...any) error {
		return command.UsageError{Err: fmt.Errorf("%s:%d:%d: error: daily_digest: %s", set.From, n.Line, n.Column, fmt.Sprintf(format, args...))}
	}
	if set.Node.Kind != yaml.MappingNode {
		return nil, wrong(set.Node, "must be a mapping of at, timezone, to, such as {at: \"09:00\", to: dingding}")
	}
	d := &engine.DailyDigest{At: 9 * time.Hour}
	to := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "dingding", Line: set.Node.Line, Column: set.Node.Column}
	for i := 0; i+1 < len(set.Node.Content); i += 2 {
		switch key, v := set.Node.Content[i], set.Node.Content[i+1]; key.Value {
		case "at":
			at, err := time.Parse("15:04", v.Value)
			if err != nil || v.Kind != yaml.ScalarNode {
				return nil, wrong(v, "at: must be a time of the day such as \"09:00\"")
			}
			d.At = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
		case "timezone":
			zone, err := time.LoadLocation(v.Value)
			if err != nil || v.Value == "" || v.Value == "Local" {
				return nil, wrong(v, "timezone: %q: must be an IANA zone such as UTC or Asia/Shanghai", v.Value)
			}
			d.Location = zone
		case "to":
			to = v
		default:
			known := []string{"at", "timezone", "to"}
			return nil, wrong(key, "unknown key %q%s; known are at, timezone, to", key.Value, yamlvalue.DidYouMean(key.Value, slices.Values(known)))
		}
	}
	var err error
	d.To, err = a.notifiersOf(c, "daily_digest.to", set.From, to)
	return d, err
}

// errorsOf are the errors among findings, a line each.
func errorsOf(found dag.Diagnostics) (text string) {
	for _, d := range found {
		if d.Severity == dag.Error {
			if text != "" {
				text += "\n"
			}
			text += d.String()
		}
	}
	return text
}
