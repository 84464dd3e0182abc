// Package lookup reads the setting owners, and keeps what is looked up for it up to date.
package lookup

import (
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Setting is the name of the setting.
const Setting = "owners"

// entry is one owner of the setting.
type entry struct {
	AtMobiles []string `yaml:"at_mobiles" param:"single,digits,secret"`
	AtUserIDs []string `yaml:"at_user_ids" param:"single,digits"`
	Email     []string `yaml:"email" param:"commas"`
	// Directory, SQL and Sheet are the parameters of an operator, see [kinds]; at most one is
	// given.
	Directory any `yaml:"directory"`
	SQL       any `yaml:"sql"`
	Sheet     any `yaml:"sheet"`

	columns
}

var entryType = params.Of[entry]("an owner", nil)

// Validate checks the people as the notifiers do.
func (e *entry) Validate() error {
	list := robot.Content{AtMobiles: e.AtMobiles, AtUserIDs: e.AtUserIDs}
	found := []error{list.Check(nil)}
	for field, texts := range map[string][]string{"at_mobiles": e.AtMobiles, "at_user_ids": e.AtUserIDs} {
		if slices.ContainsFunc(texts, yamlvalue.HoldsTemplate) {
			found = append(found, params.At(field, errors.New("takes no template: an owner is the same for every run")))
		}
	}
	for _, address := range e.Email {
		if _, err := mail.ParseAddress(address); err != nil {
			found = append(found, params.At("email", fmt.Errorf("%q is not a valid mail address", yamlvalue.Excerpt(address))))
		}
	}
	return errors.Join(found...)
}

// Parse reads the value of the setting owners, which stands in a file or variable. Every mistake
// is told at once, a line each with its place. The operators are those that look-ups are made of;
// dates in tables are those of a zone.
func Parse(from string, value *yaml.Node, ops *operator.Registry, zone *time.Location) (*owners.Book, error) {
	value = yamlvalue.Resolve(value)
	p := parser{from: from, ops: ops, zone: zone}
	if value.Kind != yaml.MappingNode {
		p.errorf(value, "must be a mapping from owners to people, such as {ann: \"13800000001\"}")
		return nil, errors.Join(p.errs...)
	}
	var all []*owners.Entry
	for key, v := range yamlvalue.Pairs(value) {
		if !p.name(key, all) {
			continue
		}
		if e := p.entry(key, yamlvalue.Resolve(v)); e != nil {
			all = append(all, e)
		}
	}
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	return owners.New(all...), nil
}

type parser struct {
	from string
	ops  *operator.Registry
	zone *time.Location
	errs []error
}

// errorf tells what is wrong at a place.
func (p *parser) errorf(at *yaml.Node, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s:%d:%d: %s: %s", p.from, at.Line, at.Column, Setting, fmt.Sprintf(format, args...)))
}

// problems tells what is wrong with parameters that are the value of a node. What is a warning of
// a message leaves an owner without people, and is an error.
func (p *parser) problems(owner string, value *yaml.Node, all []params.Problem) {
	for _, found := range all {
		at := &yaml.Node{Line: found.Line, Column: found.Column}
		if found.Line == 0 {
			at = value
		}
		if text := strconv.Quote(found.Field); !strings.Contains(found.Text, text) && found.Field != "" {
			found.Text = fmt.Sprintf("parameter %s: %s", text, found.Text)
		}
		p.errorf(at, "%s: %s", owner, found.Text)
	}
}

// name checks the name of an owner.
func (p *parser) name(key *yaml.Node, before []*owners.Entry) bool {
	n := len(p.errs)
	name := key.Value
	switch {
	case yamlvalue.KindOf(key) != yamlvalue.Text:
		p.errorf(key, "the name of an owner must be text, not %s: quote it", yamlvalue.KindOf(key))
	case strings.Contains(name, ",") || strings.TrimSpace(name) != name || name == "":
		p.errorf(key, "%q is not the name of an owner: a comma separates two of them in a DAG file, and blanks around one do not count", yamlvalue.Excerpt(name))
	case slices.ContainsFunc(before, func(e *owners.Entry) bool { return e.Name == name }):
		p.errorf(key, "%q appears twice", yamlvalue.Excerpt(name))
	}
	return len(p.errs) == n
}

// entry reads one owner, nil after an error.
func (p *parser) entry(key, value *yaml.Node) *owners.Entry {
	n := len(p.errs)
	if value.Kind != yaml.MappingNode { // the short form
		value = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: value.Line, Column: value.Column, Content: []*yaml.Node{
			{Kind: yaml.ScalarNode, Tag: "!!str", Value: "at_mobiles", Line: value.Line, Column: value.Column}, value,
		}}
	}
	for _, field := range []string{"at_mobiles", "at_user_ids"} {
		if _, list := yamlvalue.Lookup(value, field); list != nil {
			p.zeros(key.Value, field, list)
		}
	}
	var e entry
	p.problems(key.Value, value, entryType.Decode(value, &e))
	lookup := p.lookup(key, value, &e)
	if len(p.errs) > n {
		return nil
	}
	m, err := (&robot.Content{AtMobiles: e.AtMobiles, AtUserIDs: e.AtUserIDs}).Message(nil)
	out := &owners.Entry{
		Name: key.Value, Pos: dag.Position{File: p.from, Line: key.Line, Column: key.Column}, Lookup: lookup,
		People: owners.People{Mobiles: m.AtMobiles, UserIDs: m.AtUserIDs, Emails: e.Email},
	}
	switch {
	case err != nil:
		p.errorf(value, "%s: %v", key.Value, err)
		return nil
	case lookup == nil && out.People.Nobody() && len(e.Email) == 0:
		p.errorf(value, "%s: there is nobody: give at_mobiles, at_user_ids, email, directory, sql or sheet", key.Value)
		return nil
	}
	return out
}

// zeros refuses numbers that begin with a zero and are not quoted: with the digits 0 to 7 YAML
// reads them as octal, with others as text, and some readers as decimal.
func (p *parser) zeros(name, field string, list *yaml.Node) {
	list = yamlvalue.Resolve(list)
	elements := list.Content
	if list.Kind == yaml.ScalarNode {
		elements = []*yaml.Node{list}
	}
	for _, n := range elements {
		n = yamlvalue.Resolve(n)
		plain := n.Kind == yaml.ScalarNode && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0
		if plain && yamlvalue.KindOf(n) == yamlvalue.Text && len(n.Value) > 1 && n.Value[0] == '0' && strings.Trim(n.Value, "0123456789") == "" {
			p.errorf(n, "%s: %s has a number that begins with 0 and that YAML may read as octal: quote it", name, field)
		}
	}
}
