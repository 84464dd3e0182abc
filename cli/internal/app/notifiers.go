package app

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// checked is what those settings say that only whoever has the notifiers and timetables understands.
type checked struct {
	onImportError, onUndelivered []dag.Callback

	daily       *engine.DailyDigest
	maintenance []outbox.Window
	// places are where the windows of maintenance are, as prefixes of messages.
	places []string
	// warnings are about notifiers in settings.
	warnings []string
}

// checkSettings reads these settings, for every command, as all others are read. What is wrong with
// them is one error with its places.
func (a *App) checkSettings() error {
	set := a.Settings
	told, daily, undelivered := set.OnImportError.Node != nil, set.DailyDigest.Node != nil, set.OnUndelivered.From != ""
	var errs [5]error
	var c catalog.Catalog
	if told || daily || undelivered { // few commands need it otherwise
		var err error
		if c, err = a.Catalog(); err != nil {
			return err
		}
	}
	if told {
		a.checked.onImportError, errs[0] = a.notifiersOf(c, "on_import_error", set.OnImportError.From, set.OnImportError.Node)
	}
	if daily {
		a.checked.daily, errs[1] = a.dailyDigest(c)
	}
	for _, name := range set.OnUndelivered.All {
		if undelivered {
			errs[2] = errors.Join(errs[2], usableAlone(c, set.OnUndelivered.From, name))
		}
		a.checked.onUndelivered = append(a.checked.onUndelivered, dag.Callback{Name: name})
	}
	a.checked.maintenance, errs[3] = a.maintenance()
	errs[4] = checkPeople(set.ChatViewers, set.ChatOperators, set.ChatAdmins)
	return errors.Join(errs[:]...)
}

// Told are the notifiers that are told of broken DAG files, and the digest of the day, nil for none.
// Warnings about them are logged.
func (a *App) Told() (onImportError []dag.Callback, daily *engine.DailyDigest, err error) {
	_, err = a.ReadSettings()
	for _, w := range a.checked.warnings {
		a.Log().Warn("settings", "problem", w)
	}
	return a.checked.onImportError, a.checked.daily, err
}

// usableAlone refuses a notifier that is unknown or does not work without parameters.
func usableAlone(c catalog.Catalog, from, name string) error {
	spec, ok := c.Callbacks.Lookup(name)
	if !ok {
		near := ""
		if s := c.Callbacks.Suggest(name); s != "" {
			near = fmt.Sprintf("; did you mean %q?", s)
		}
		return fmt.Errorf("%s: unknown notifier %q%s", from, name, near)
	}
	if _, problems := spec.Decode(nil); params.Failed(problems) {
		return fmt.Errorf("%s: notifier %q needs parameters, which it cannot get here: %s", from, name, problems[0].Text)
	}
	return nil
}

// notifiersOf reads notifiers that stand in a setting.
func (a *App) notifiersOf(c catalog.Catalog, key, from string, n *yaml.Node) ([]dag.Callback, error) {
	o, err := a.DAGs.Options()
	if err != nil {
		return nil, err
	}
	list, found := dagfile.ParseCallbacks(from, key, n, c, o)
	var errs []error
	for _, d := range found {
		if d.Severity != dag.Error {
			a.checked.warnings = append(a.checked.warnings, d.String())
			continue
		}
		errs = append(errs, fmt.Errorf("%s:%d:%d: %s", d.File, d.Line, d.Column, d.Text))
	}
	return list, errors.Join(errs...)
}

// dailyDigest reads the setting, nil for null.
func (a *App) dailyDigest(c catalog.Catalog) (*engine.DailyDigest, error) {
	set := a.Settings.DailyDigest
	if set.Node.Tag == "!!null" {
		return nil, nil
	}
	wrong := func(n *yaml.Node, format string, args ...any) error {
		return fmt.Errorf("%s:%d:%d: daily_digest: %s", set.From, n.Line, n.Column, fmt.Sprintf(format, args...))
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
