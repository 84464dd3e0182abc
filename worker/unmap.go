package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

// checkMappable refuses a result over which a task is mapped and that is no list, no
// mapping or too long, where it is made (Airflow, UnmappableXComTypePushed).
func (y *Try) checkMappable(value json.RawMessage) error {
	if y.task.Mapping != nil {
		return nil
	}
	for _, n := range y.task.Downstream {
		down := y.plan.DAG.Tasks[n]
		for v := range down.Mapping.Sources() {
			if v.From != y.task.ID || v.Key != "" {
				continue
			}
			elements, ok := elementsOf(value)
			switch {
			case value == nil:
				return fmt.Errorf("task %q is mapped over the result of this one, which is nothing; return a list or a mapping", down.ID)
			case !ok:
				return fmt.Errorf("task %q is mapped over the result of this one, which is not a list, a mapping, or JSON of one: %s", down.ID, shortened(value))
			case len(elements) > y.w.o.MaxMapLength:
				return fmt.Errorf("task %q is mapped over the result of this one, which has %d elements; %d are allowed (max_map_length)", down.ID, len(elements), y.w.o.MaxMapLength)
			}
		}
	}
	return nil
}

// unmap returns the operator of one instance of a mapped task, and the parameters that
// come from results: text in them is data, never a template.
func (y *Try) unmap(ctx context.Context) (operator.Operator, map[string]bool, error) {
	values, results, err := y.mappedTo(ctx)
	if err != nil {
		return nil, nil, err
	}
	op, problems := y.task.Spec.Decode(y.task.MappedArgs(values))
	if err := params.FirstError(problems); err != nil {
		return nil, nil, fmt.Errorf("element %d of what the task is mapped over: %w", y.in.MapIndex, err)
	}
	return op, results, nil
}

// mappedTo returns what an instance is mapped to, by parameter, and which of it comes
// from results.
func (y *Try) mappedTo(ctx context.Context) (map[string]*yaml.Node, map[string]bool, error) {
	m, k := y.task.Mapping, y.in.MapIndex
	out, results := map[string]*yaml.Node{}, map[string]bool{}
	if m.Kwargs != nil {
		n, err := y.element(ctx, m.Kwargs, func(int) int { return k })
		if err != nil {
			return nil, nil, err
		}
		if n.Kind != yaml.MappingNode {
			return nil, nil, fmt.Errorf("element %d of what expand_kwargs is mapped over is not a mapping of parameters", k)
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
		n, err := y.element(ctx, &arg.MappedValues, func(length int) int {
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
		return nil, nil, y.noElement()
	}
	return out, results, nil
}

// element returns the element that pick chooses among as many as there are.
func (y *Try) element(ctx context.Context, v *dag.MappedValues, pick func(length int) int) (*yaml.Node, error) {
	if v.From == "" {
		if i := pick(len(v.Values)); i >= 0 && i < len(v.Values) {
			return v.Values[i], nil
		}
		return nil, y.noElement()
	}
	elements, err := MappedOver(ctx, y.w.o.Store, y.plan.DAG, y.run.Key, v)
	if err != nil {
		return nil, err
	}
	i := pick(len(elements))
	if i < 0 || i >= len(elements) {
		return nil, y.noElement()
	}
	return nodeOf(elements[i])
}

func (y *Try) noElement() error {
	return fmt.Errorf("what the task is mapped over has no element for map index %d", y.in.MapIndex)
}

// nameInstance renders map_index_template for an instance whose fields are rendered. A
// mistake in it is logged and the instance keeps its number.
func (y *Try) nameInstance(ctx context.Context, op operator.Operator) {
	text := y.task.MapIndexTemplate
	if text == "" || y.in.MapIndex < 0 || y.log == nil {
		return
	}
	tc := y.w.o.Render.Context(ctx, y.w.o.Store, y.plan.DAG, &y.run, y.task.Task, &y.in)
	tc.Task.Fields = y.task.Spec.Values(op)
	name, err := y.w.o.Render.Field(y.plan.DAG, tc, y.task.Spec.NamesFile)("map_index_template", text)
	if err != nil {
		y.log.line(slog.LevelWarn, "render map_index_template: "+err.Error())
		return
	}
	if native, ok := name.(params.Native); ok {
		name = native.Text
	}
	y.in.RenderedMapIndex = y.w.o.Masker.Mask(fmt.Sprint(name))
}
