package command

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// DAG checks that there is a DAG, and makes its zone that of the answer. A DAG whose file is broken or gone counts as
// long as the store knows it. The error suggests others.
func (c *Call) DAG(ctx context.Context, id string) (*api.DAG, error) {
	found, broken, err := c.API.DAGs(ctx, api.DAGQuery{IDs: []string{id}})
	if err != nil {
		return nil, err
	}
	version, err := c.toZoneOf(ctx, id)
	if err != nil {
		return nil, err
	}
	switch {
	case len(found.Items) == 1:
		return &found.Items[0], nil
	case version != "":
		return &api.DAG{DAGID: id}, nil
	}
	return nil, c.unknownDAG(ctx, id, broken)
}

// toZoneOf makes the zone of a DAG that of the answer, and returns its version, empty for a DAG that is not known.
func (c *Call) toZoneOf(ctx context.Context, id string) (version string, err error) {
	version, err = c.API.KnownVersion(ctx, id)
	if err != nil && !errors.Is(err, api.ErrNotFound) {
		return "", err
	}
	if version != "" {
		if d, err := c.API.DAGOf(ctx, version); err == nil { // else times are those of the settings
			c.zone = d.Location
		}
	}
	return version, nil
}

// most is how many suggestions are made.
const most = 5

// unknownDAG says that there is no such DAG, and which may have been meant.
func (c *Call) unknownDAG(ctx context.Context, id string, broken bool) error {
	all, _, err := c.API.DAGs(ctx, api.DAGQuery{})
	if err != nil {
		return err
	}
	ids := make([]string, len(all.Items))
	for i, d := range all.Items {
		ids[i] = d.DAGID
	}
	text := c.Say("There is no DAG %s", "没有 DAG %s", code(yamlvalue.Excerpt(id)))
	switch near := alike(id, ids); {
	case len(near) > 0:
		text += c.Say("; did you mean %s?", "；您是想用 %s 吗？", codes(near))
	case broken:
		text += c.Say("; some DAG files are in error, perhaps its own.", "；有 DAG 文件出错，可能就包括它。")
	default:
		text += c.Say(". %s lists them.", "。发送 %s 查看全部。", code(c.Say("dags", "列表")))
	}
	return &RefusedError{text}
}

// alike are the known names that may have been meant: the nearest one, and those that contain the word.
func alike(word string, known []string) []string {
	var out []string
	if near := yamlvalue.Nearest(word, slices.Values(known)); near != "" {
		out = append(out, near)
	}
	low := strings.ToLower(word)
	for _, k := range known {
		if len(out) < most && low != "" && strings.Contains(strings.ToLower(k), low) && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// codes are names that can be copied.
func codes(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = code(n)
	}
	return strings.Join(out, ", ")
}

// searched is among how many of the newest runs of a DAG one is looked for by a part of its id or its date.
const searched = 500

// Run is the run of a DAG that a text names: an id, the beginning of one with or without its type, a logical date, or
// latest or nothing for the newest one. Several are an error that lists them.
func (c *Call) Run(ctx context.Context, dagID, text string) (*api.Run, error) {
	if latest := []string{"", "latest", "last", "newest", "最新", "最近", "上次"}; slices.Contains(latest, strings.ToLower(text)) {
		r, err := c.API.Run(ctx, dagID, "")
		if errors.Is(err, api.ErrNotFound) {
			return nil, c.Refuse("%s has not run yet.", "%s 还没有运行过。", bold(dagID))
		}
		return &r, err
	}
	r, err := c.API.Run(ctx, dagID, text)
	if err == nil {
		return &r, nil
	}
	if !errors.Is(err, api.ErrNotFound) {
		return nil, err
	}
	runs, err := c.API.Runs(ctx, api.RunQuery{DAGID: dagID, Page: api.Page{Limit: searched}})
	if err != nil {
		return nil, err
	}
	named := slices.DeleteFunc(slices.Clone(runs.Items), func(r api.Run) bool { return !c.names(text, &r) })
	switch len(named) {
	case 1:
		return &named[0], nil
	case 0:
		ids := make([]string, len(runs.Items))
		for i, r := range runs.Items {
			ids[i] = r.RunID
		}
		if near := alike(text, ids); len(near) > 0 {
			return nil, c.Refuse("%s has no run %s; did you mean %s?", "%s 没有运行 %s；您是想用 %s 吗？", bold(dagID), code(yamlvalue.Excerpt(text)), codes(near))
		}
		return nil, c.Refuse("%s has no run %s. %s lists them.", "%s 没有运行 %s。发送 %s 查看全部。", bold(dagID), code(yamlvalue.Excerpt(text)), code(c.Say("runs ", "运行 ")+dagID))
	}
	p := page{more: max(0, len(named)-10)}
	p.say(c.Say("%s may be one of %d runs of %s. Write more of its id:", "%s 对应 %[3]s 的 %[2]d 个运行，请写得更完整：", code(text), len(named), bold(dagID)))
	for _, r := range named[:min(10, len(named))] {
		p.item(c.line(&r))
	}
	return nil, &RefusedError{p.answer(c.Lang).Text}
}

// names reports whether a text names a run by a part of its id or by its logical date.
func (c *Call) names(text string, r *api.Run) bool {
	_, bare, _ := strings.Cut(r.RunID, "__")
	if strings.HasPrefix(r.RunID, text) || bare != "" && strings.HasPrefix(bare, text) {
		return true
	}
	at, day, err := c.parseDate(text)
	if err != nil || r.LogicalDate == nil {
		return false
	}
	if day {
		return !r.LogicalDate.Before(at) && r.LogicalDate.Before(at.AddDate(0, 0, 1))
	}
	return r.LogicalDate.Truncate(time.Minute).Equal(at.Truncate(time.Minute))
}

// parseDate reads a date, without an offset in the zone of the answer. day says that it has no time. A time that
// clocks skip, or show twice, needs an offset.
func (c *Call) parseDate(text string) (at time.Time, day bool, err error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, false, nil
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		wall, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		at, err := c.inZone(text, wall)
		return at, layout == time.DateOnly, err
	}
	return time.Time{}, false, c.Refuse("%s is not a date: write 2026-01-31 or 2026-01-31T08:00.", "%s 不是日期：请写成 2026-01-31 或 2026-01-31T08:00。", code(yamlvalue.Excerpt(text)))
}

// inZone is the moment at which clocks of the zone show what wall shows in UTC.
func (c *Call) inZone(text string, wall time.Time) (time.Time, error) {
	var found []time.Time
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := wall.Add(near).In(c.zone).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		_, there := at.In(c.zone).Zone()
		if there == offset && (len(found) == 0 || !found[0].Equal(at)) {
			found = append(found, at)
		}
	}
	if len(found) != 1 {
		return time.Time{}, c.Refuse("%s occurs %d times in %s, where clocks change: write its offset, as in %s.", "%s 在 %[3]s 因调整时钟出现 %[2]d 次：请写明时差，例如 %[4]s。",
			code(text), len(found), c.zone, code(text+"+08:00"))
	}
	return found[0], nil
}

// Task checks that a run of a DAG has a task, and takes the label of an instance of a mapped one apart: load[3]. The
// index is -1 for a task as a whole.
func (c *Call) Task(is *api.Instances, text string) (taskID string, mapIndex int, err error) {
	taskID, mapIndex = text, -1
	if base, index, ok := strings.Cut(strings.TrimSuffix(text, "]"), "["); ok && strings.HasSuffix(text, "]") {
		n, err := strconv.Atoi(index)
		if err != nil || n < 0 {
			return "", 0, c.Refuse("%s is not an instance of a task: write load[3].", "%s 不是任务实例：请写成 load[3]。", code(text))
		}
		taskID, mapIndex = base, n
	}
	ids := taskIDs(is.Items)
	if !slices.Contains(ids, taskID) {
		near := alike(taskID, ids)
		for _, id := range ids { // without its group
			if strings.HasSuffix(id, "."+taskID) && !slices.Contains(near, id) {
				near = append(near, id)
			}
		}
		if len(near) == 0 {
			near = ids[:min(len(ids), 2*most)]
			return "", 0, c.Refuse("%s has no task %s. Its tasks: %s", "%s 没有任务 %s。它的任务：%s", bold(is.Run.DAGID), code(yamlvalue.Excerpt(text)), codes(near))
		}
		return "", 0, c.Refuse("%s has no task %s; did you mean %s?", "%s 没有任务 %s；您是想用 %s 吗？", bold(is.Run.DAGID), code(yamlvalue.Excerpt(text)), codes(near))
	}
	if mapIndex >= 0 && !slices.ContainsFunc(is.Items, func(in api.Instance) bool { return in.TaskID == taskID && in.MapIndex == mapIndex }) {
		return "", 0, c.Refuse("%s has no instance %d in this run.", "%s 在这个运行中没有第 %d 个实例。", code(taskID), mapIndex)
	}
	return taskID, mapIndex, nil
}

// taskIDs are the ids of the tasks of instances, each once.
func taskIDs(is []api.Instance) (ids []string) {
	for _, in := range is {
		if !slices.Contains(ids, in.TaskID) {
			ids = append(ids, in.TaskID)
		}
	}
	return ids
}

// taskOf finds a DAG, a run and its tasks, of which one is named.
func (c *Call) taskOf(ctx context.Context, dagID, task, run string) (is *api.Instances, taskID string, mapIndex int, err error) {
	if _, err := c.DAG(ctx, dagID); err != nil {
		return nil, "", 0, err
	}
	r, err := c.Run(ctx, dagID, run)
	if err != nil {
		return nil, "", 0, err
	}
	if is, err = c.API.Instances(ctx, dagID, r.RunID); err != nil {
		return nil, "", 0, err
	}
	taskID, mapIndex, err = c.Task(is, task)
	return is, taskID, mapIndex, err
}

// unfinished reports whether a task instance may still get somewhere by itself.
func unfinished(in *api.Instance) bool {
	return in.State == dag.None.String() || !dag.State(in.State).Finished()
}
