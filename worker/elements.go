package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/render"
)

// NoResultError says that a task that was to be mapped over has no result.
type NoResultError struct{ task, key string }

func (e *NoResultError) Error() string {
	if e.key != ReturnValue {
		return fmt.Sprintf("task %q has no result %q to map over", e.task, e.key)
	}
	return fmt.Sprintf("task %q has no result to map over", e.task)
}

// MappingError says that what a task is mapped over cannot be mapped.
type MappingError struct{ Text string }

func (e *MappingError) Error() string { return e.Text }

// MappedOver returns the elements of a result: those of a list, the pairs of a mapping, or
// the results of the instances of a mapped task.
func MappedOver(ctx context.Context, r render.Reader, d *dag.DAG, runKey int64, v *dag.MappedValues) ([]json.RawMessage, error) {
	key := v.Key
	if key == "" {
		key = ReturnValue
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
		return nil, &NoResultError{v.From, key}
	}
	elements, ok := elementsOf(raw)
	if !ok {
		return nil, &MappingError{Text: fmt.Sprintf("the result of task %q is not a list, a mapping, or JSON of one: %s", v.From, shortened(raw))}
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
