package wiring

import "github.com/dingdag/dingdag/yamlvalue"

// mappedOver finds the tasks that a mapping refers to; each one comes before it.
func (w *wiring) mappedOver(t *Task, down end) (list []dependency) {
	for _, ref := range t.Refs {
		up, ok := w.resolveEnd(ref.At, ref.Name)
		switch {
		case !ok || t.Mapping == nil:
			continue
		case up.group != nil:
			w.Errorf(ref.At, "%q is a group: map over the result of a task", yamlvalue.Excerpt(ref.Name))
			continue
		case !w.tasks[up.task].DoXComPush:
			w.Errorf(ref.At, "task %q keeps no result: it has do_xcom_push: false", yamlvalue.Excerpt(ref.Name))
			continue
		case up.same(down):
			w.Errorf(ref.At, "%q cannot be mapped over its own result", yamlvalue.Excerpt(ref.Name))
			continue
		}
		ref.Values(t.Mapping).From = w.tasks[up.task].ID
		list = append(list, dependency{up, down, ref.At, commonDepth(up.around, down.around)})
	}
	return list
}
