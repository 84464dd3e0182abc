package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/store"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

// DefaultMaxMapLength is how many instances a mapped task may have, as in Airflow.
const DefaultMaxMapLength = 1024

// expand makes the instances of a mapped task whose trigger rule lets it run (Airflow,
// TaskMap.expand_mapped_task): it waits for the tasks whose results it is mapped over,
// fails or is skipped with them, and is skipped when there is nothing to map over.
// Instances that an earlier expansion made beyond the new length are removed.
func (c *change) expand(lr *liveRun, i dagrun.Task) error {
	t := lr.plan.d.Tasks[i]
	if instead, ready := lr.m.SourceState(i); !ready {
		if instead != dag.None {
			c.settle(lr, i, instead, "")
		}
		return nil
	}
	n, err := c.mapLength(lr, t)
	if missing, ok := errors.AsType[*noResultError](err); ok {
		c.settle(lr, i, dag.UpstreamFailed, missing.Error())
		return nil
	}
	if isMistake(err) {
		c.failExpansion(lr, i, err)
		return nil
	}
	if err != nil {
		return err
	}
	if n == 0 {
		c.settle(lr, i, dag.Skipped, "there is nothing to map over")
		return nil
	}
	first := lr.m.Slots(i)[0]
	if in := lr.inst.At(first); in != nil && in.MapIndex < 0 {
		in.State = dag.Removed
		c.write(lr, in)
		lr.inst.Put(first, nil)
	}
	changed := lr.m.Unfold(i, n)
	lr.inst.Grow(lr.m.Len())
	for _, at := range changed {
		c.record(lr, at)
	}
	return nil
}

// settle ends the instances of a mapped task that have not begun.
func (c *change) settle(lr *liveRun, i dagrun.Task, s dag.State, why string) {
	for _, at := range lr.m.Settle(i, s) {
		if in := c.record(lr, at); in.State == s {
			in.EndDate, in.Error = c.now, why
		}
	}
}

// noResultError says that a task that was to be mapped over has no result.
type noResultError struct{ task, key string }

func (e *noResultError) Error() string {
	if e.key != returnValue {
		return fmt.Sprintf("task %q has no result %q to map over", e.task, e.key)
	}
	return fmt.Sprintf("task %q has no result to map over", e.task)
}

// mappingError says that what a task is mapped over cannot be mapped.
type mappingError struct{ text string }

func (e *mappingError) Error() string { return e.text }

// isMistake reports whether a mapped task can't be expanded, now or later, because of what
// it is mapped over.
func isMistake(err error) bool {
	_, wrong := errors.AsType[*mappingError](err)
	_, long := errors.AsType[*dagrun.TooLongError](err)
	return wrong || long
}

// mapLength is how many instances a mapped task has in a run.
func (c *change) mapLength(lr *liveRun, t *dag.Task) (int, error) {
	n := 1
	for v := range t.Mapping.Sources() {
		length := len(v.Values)
		if v.From != "" {
			elements, err := mappedOver(c.ctx, c, lr.plan.d, lr.run.Key, v)
			if err != nil {
				return 0, err
			}
			length = len(elements)
		}
		var err error
		if n, err = dagrun.MapLength(n, length, c.e.o.MaxMapLength); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// failExpansion fails a mapped task that cannot be expanded, as a try of its own.
func (c *change) failExpansion(lr *liveRun, i dagrun.Task, err error) {
	for _, slot := range lr.m.Slots(i) {
		if lr.m.State(slot) != dag.None {
			continue
		}
		in := c.set(lr, slot, dag.Failed)
		in.Try++
		in.StartDate, in.EndDate, in.Error = c.now, c.now, err.Error()
		in.Log = logPath(&lr.run, in)
		a := &attempt{e: c.e, plan: lr.plan, task: &lr.plan.tasks[i], i: i, run: lr.run, in: *in}
		a.note("%v", err)
		c.out = append(c.out, a.deliveries(c.ctx, c, callbacks.Failure, in, in.Error)...)
	}
}

// mappedOver returns the elements of a result: those of a list, the pairs of a mapping, or
// the results of the instances of a mapped task.
func mappedOver(ctx context.Context, r store.Reader, d *dag.DAG, runKey int64, v *dag.MappedValues) ([]json.RawMessage, error) {
	key := v.Key
	if key == "" {
		key = returnValue
	}
	if d.Task(v.From).Mapping != nil {
		xs, err := r.XComs(ctx, runKey, v.From, key)
		out := make([]json.RawMessage, len(xs))
		for i, x := range xs {
			out[i] = x.Value
		}
		return out, err
	}
	raw, err := r.XCom(ctx, runKey, v.From, -1, key)
	switch {
	case err != nil:
		return nil, err
	case raw == nil:
		return nil, &noResultError{v.From, key}
	}
	elements, ok := elementsOf(raw)
	if !ok {
		return nil, &mappingError{fmt.Sprintf("the result of task %q is no list, no mapping, and no JSON of one: %s", v.From, shortened(raw))}
	}
	return elements, nil
}

// elementsOf returns the elements of a JSON array, or the [key, value] pairs of an object
// in their order. Text may hold either as JSON: that is all bash and http can give, and
// Airflow refuses to map over text.
func elementsOf(raw json.RawMessage) ([]json.RawMessage, bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && list != nil {
		return list, true
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	list = []json.RawMessage{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, false
		}
		pair, err := json.Marshal([]any{key, value})
		if err != nil {
			return nil, false
		}
		list = append(list, pair)
	}
	return list, true
}

// shortened is a JSON value for a message.
func shortened(raw json.RawMessage) string {
	const most = 60
	if r := []rune(string(raw)); len(r) > most {
		return string(r[:most]) + "…"
	}
	return string(raw)
}

// checkMappable refuses a result over which a task is mapped and that is no list, no
// mapping or too long, where it is made (Airflow, UnmappableXComTypePushed).
func (a *attempt) checkMappable(value json.RawMessage) error {
	if a.task.t.Mapping != nil {
		return nil
	}
	for _, n := range a.task.t.Downstream {
		down := a.plan.d.Tasks[n]
		for v := range down.Mapping.Sources() {
			if v.From != a.task.t.ID || v.Key != "" {
				continue
			}
			elements, ok := elementsOf(value)
			switch {
			case value == nil:
				return fmt.Errorf("task %q is mapped over the result of this one, which is nothing; return a list or a mapping", down.ID)
			case !ok:
				return fmt.Errorf("task %q is mapped over the result of this one, which is no list, no mapping, and no JSON of one: %s", down.ID, shortened(value))
			case len(elements) > a.e.o.MaxMapLength:
				return fmt.Errorf("task %q is mapped over the result of this one, which has %d elements; %d are allowed (max_map_length)", down.ID, len(elements), a.e.o.MaxMapLength)
			}
		}
	}
	return nil
}

// unmap returns the operator of one instance of a mapped task, and the parameters that
// come from results: text in them is data, never a template.
func (a *attempt) unmap(ctx context.Context) (operator.Operator, map[string]bool, error) {
	values, results, err := a.mappedTo(ctx)
	if err != nil {
		return nil, nil, err
	}
	op, problems := a.task.spec.Decode(a.task.t.MappedArgs(values))
	if err := firstError(problems); err != nil {
		return nil, nil, fmt.Errorf("element %d of what the task is mapped over: %w", a.in.MapIndex, err)
	}
	return op, results, nil
}

// mappedTo returns what an instance is mapped to, by parameter, and which of it comes
// from results.
func (a *attempt) mappedTo(ctx context.Context) (map[string]*yaml.Node, map[string]bool, error) {
	m, k := a.task.t.Mapping, a.in.MapIndex
	out, results := map[string]*yaml.Node{}, map[string]bool{}
	if m.Kwargs != nil {
		n, err := a.element(ctx, m.Kwargs, func(int) int { return k })
		if err != nil {
			return nil, nil, err
		}
		if n.Kind != yaml.MappingNode {
			return nil, nil, fmt.Errorf("element %d of what expand_kwargs is mapped over is no mapping of parameters", k)
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = n.Content[i+1]
			results[n.Content[i].Value] = m.Kwargs.From != ""
		}
		return out, results, nil
	}
	// The last parameter changes fastest.
	for i := len(m.Args) - 1; i >= 0; i-- {
		arg := &m.Args[i]
		n, err := a.element(ctx, &arg.MappedValues, func(length int) int {
			at := k % max(length, 1)
			k /= max(length, 1)
			return at
		})
		if err != nil {
			return nil, nil, err
		}
		out[arg.Name], results[arg.Name] = n, arg.From != ""
	}
	if k > 0 {
		return nil, nil, a.noElement()
	}
	return out, results, nil
}

// element returns the element that pick chooses among as many as there are.
func (a *attempt) element(ctx context.Context, v *dag.MappedValues, pick func(length int) int) (*yaml.Node, error) {
	if v.From == "" {
		if i := pick(len(v.Values)); i >= 0 && i < len(v.Values) {
			return v.Values[i], nil
		}
		return nil, a.noElement()
	}
	elements, err := mappedOver(ctx, a.e.store, a.plan.d, a.run.Key, v)
	if err != nil {
		return nil, err
	}
	i := pick(len(elements))
	if i < 0 || i >= len(elements) {
		return nil, a.noElement()
	}
	return nodeOf(elements[i])
}

func (a *attempt) noElement() error {
	return fmt.Errorf("what the task is mapped over has no element for map index %d", a.in.MapIndex)
}

// nodeOf turns JSON into the YAML that means the same.
func nodeOf(raw json.RawMessage) (*yaml.Node, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	n, err := readNode(dec)
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = fmt.Errorf("more than one JSON value: %s", shortened(raw))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read a result: %w", err)
	}
	return n, nil
}

func readNode(dec *json.Decoder) (*yaml.Node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	scalar := func(tag, text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text} }
	switch v := token.(type) {
	case json.Delim:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		if v == '{' {
			n.Kind, n.Tag = yaml.MappingNode, "!!map"
		}
		for dec.More() {
			child, err := readNode(dec)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		_, err := dec.Token() // the closing one
		return n, err
	case string:
		n := scalar("!!str", v)
		n.Style = yaml.DoubleQuotedStyle
		return n, nil
	case json.Number:
		if bytes.ContainsAny([]byte(v), ".eE") {
			n := scalar("!!float", v.String())
			n.Style = yaml.TaggedStyle // its digits count, see params
			return n, nil
		}
		return scalar("!!int", v.String()), nil
	case bool:
		return scalar("!!bool", strconv.FormatBool(v)), nil
	default:
		return scalar("!!null", "null"), nil
	}
}

// nameInstance renders map_index_template for an instance whose fields are rendered. A
// mistake in it is logged and the instance keeps its number.
func (a *attempt) nameInstance(ctx context.Context, op operator.Operator) {
	text := a.task.t.MapIndexTemplate
	if text == "" || a.in.MapIndex < 0 || a.log == nil {
		return
	}
	tc := a.e.render.Context(ctx, a.e.store, a.plan.d, &a.run, a.task.t, &a.in)
	tc.Task.Fields = a.task.spec.Values(op)
	name, err := a.e.render.Field(a.plan.d, tc, a.task.spec.NamesFile)("map_index_template", text)
	if err != nil {
		a.log.line(slog.LevelWarn, "render map_index_template: "+err.Error())
		return
	}
	if native, ok := name.(params.Native); ok {
		name = native.Text
	}
	a.in.RenderedMapIndex = a.e.o.Masker.Mask(fmt.Sprint(name))
}
