package lookup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/yamlvalue"
)

// kind is one way to look an owner up: an operator that reads.
type kind struct {
	// name is that of the key of the setting, operator that of the operator whose parameters
	// are its value.
	name, operator string
	// set are parameters that have another default here, or no choice.
	set map[string]string
	// table says that the result is rows, of which [columns] name some.
	table bool
	// read takes the people, or the rows, from the result, as JSON.
	read func(result []byte, c columns, now time.Time) (owners.People, error)
}

// kinds are all of them.
func kinds() []kind {
	return []kind{
		{name: "directory", operator: "dingtalk_get_dept_users", set: map[string]string{"all": "true"}, read: members},
		{name: "sql", operator: "sql", table: true, read: queried},
		{name: "sheet", operator: "dingtalk_get_range_data", set: map[string]string{"select": "[values, displayValues]"}, table: true, read: cells},
	}
}

// timeout bounds one look-up.
const timeout = time.Minute

// lookup is an operator that is asked for people.
type lookup struct {
	kind    kind
	op      operator.Operator
	columns columns
	key     string
	zone    *time.Location
}

// lookup reads how an owner is looked up, nil for not at all or after an error.
func (p *parser) lookup(key, value *yaml.Node, e *entry) owners.Lookup {
	var found *lookup
	for _, k := range kinds() {
		at, args := yamlvalue.Lookup(value, k.name)
		if at == nil {
			continue
		}
		if found != nil {
			p.errorf(at, "%s: give one of directory, sql and sheet", key.Value)
			return nil
		}
		found = p.operator(key.Value, k, yamlvalue.Resolve(args), e.columns)
	}
	if at := e.given(value); at != nil && (found == nil || !found.kind.table) {
		p.errorf(at, "%s: %s belongs to sql and sheet", key.Value, at.Value)
	}
	if found == nil {
		return nil
	}
	return found
}

// operator decodes the parameters of a look-up; what it returns after an error must not be used.
func (p *parser) operator(name string, k kind, args *yaml.Node, c columns) *lookup {
	l := &lookup{kind: k, columns: c, zone: p.zone}
	spec, ok := p.ops.Lookup(k.operator)
	if !ok {
		p.errorf(args, "%s: there is no operator %s", name, k.operator)
		return l
	}
	if args.Kind == yaml.MappingNode {
		args = k.with(args)
	}
	op, problems := spec.Decode(args)
	p.problems(name, args, problems)
	spec.Templates(args, func(field string, text *yaml.Node) {
		if yamlvalue.HoldsTemplate(text.Value) {
			p.errorf(text, "%s: %s takes no template here: an owner is the same for every run", name, field)
		}
	})
	l.op = op
	// What is asked, not how it is written: a moved or commented entry keeps its answer.
	asked, err := json.Marshal([]any{k.name, spec.Values(op), c})
	if err != nil {
		p.errorf(args, "%s: %v", name, err)
	}
	sum := sha256.Sum256(asked)
	l.key = hex.EncodeToString(sum[:16])
	return l
}

// with adds the parameters that are set here.
func (k kind) with(args *yaml.Node) *yaml.Node {
	more := *args
	more.Content = slices.Clone(args.Content)
	for name, text := range k.set {
		if at, _ := yamlvalue.Lookup(args, name); at != nil {
			continue
		}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err == nil { // always: they stand above
			more.Content = append(more.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, doc.Content[0])
		}
	}
	return &more
}

func (l *lookup) Kind() string { return l.kind.name }
func (l *lookup) Key() string  { return l.key }

// Look runs the operator.
func (l *lookup) Look(ctx context.Context, from connections.Source, now func() time.Time) (owners.People, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %s", timeout))
	defer cancel()
	result, err := l.op.Execute(ctx, &operator.TaskContext{
		MapIndex: -1, TryNumber: 1, MaxTries: 1, Connections: from, Now: now, StartDate: now(), Location: l.zone, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		if ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
		return owners.People{}, err
	}
	text, err := json.Marshal(result)
	if err != nil {
		return owners.People{}, fmt.Errorf("read the answer: %w", err)
	}
	return l.kind.read(text, l.columns, now().In(l.zone))
}
