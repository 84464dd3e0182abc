// Package assets serves the calls about assets, what updated them, and what waits for them.
package assets

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/emit"
	"github.com/dingdag/dingdag/web/rest"
)

// Options are what the calls ask.
type Options struct {
	Browse *browse.Browser
	// API and Emitter are those for whoever asks.
	API     func(ctx context.Context) *api.API
	Emitter func(ctx context.Context) (*emit.Emitter, error)
}

type calls struct{ Options }

// Routes adds the calls. Assets belong to no single DAG: each call sees to the rights to the DAGs that have to do with one.
func Routes(s *rest.Server, o Options) {
	c := &calls{o}
	op := func(id, method, path string, a access.Action) rest.Operation {
		return rest.Operation{ID: id, Method: method, Path: path, Tag: "Asset", Action: a, Many: true}
	}
	get := func(id, path string) rest.Operation { return op(id, http.MethodGet, path, access.Read) }
	remove := func(id, path string) rest.Operation {
		o := op(id, http.MethodDelete, path, access.Operate)
		o.Status = http.StatusNoContent
		return o
	}
	const asset, dag = "/assets/{asset_id}", "/dags/{dag_id}/assets"
	rest.Register(s, get("get_assets", "/assets"), c.list)
	rest.Register(s, get("get_asset_aliases", "/assets/aliases"), c.aliases)
	rest.Register(s, get("get_asset_alias", "/assets/aliases/{asset_alias_id}"), c.alias)
	rest.Register(s, get("get_asset_events", "/assets/events"), c.events)
	rest.Register(s, op("create_asset_event", http.MethodPost, "/assets/events", access.Operate), c.update)
	rest.Register(s, get("get_asset", asset), c.get)
	rest.Register(s, get("get_asset_queued_events", asset+"/queuedEvents"), c.queuedOfAsset)
	rest.Register(s, remove("delete_asset_queued_events", asset+"/queuedEvents"), c.forgetOfAsset)

	// The paths of these name a DAG.
	dagGet := func(id, path string) rest.Operation {
		return rest.Operation{ID: id, Method: http.MethodGet, Path: path, Tag: "Asset"}
	}
	dagRemove := func(id, path string) rest.Operation {
		return rest.Operation{ID: id, Method: http.MethodDelete, Path: path, Tag: "Asset", Action: access.Operate, Status: http.StatusNoContent}
	}
	rest.Register(s, dagGet("get_dag_asset_queued_events", dag+"/queuedEvents"), c.queuedOfDAG)
	rest.Register(s, dagRemove("delete_dag_asset_queued_events", dag+"/queuedEvents"), c.forgetOfDAG)
	rest.Register(s, dagGet("get_dag_asset_queued_event", dag+"/{asset_id}/queuedEvents"), c.queued)
	rest.Register(s, dagRemove("delete_dag_asset_queued_event", dag+"/{asset_id}/queuedEvents"), c.forget)
	upstream := dagGet("get_upstream_asset_events", "/dags/{dag_id}/dagRuns/{dag_run_id}/upstreamAssetEvents")
	upstream.Tag = "DagRun"
	rest.Register(s, upstream, c.upstream)
}

// Asset is an asset.
type Asset struct {
	ID             int64           `json:"id"`
	Name           string          `json:"name"`
	URI            string          `json:"uri"`
	Group          string          `json:"group"`
	Extra          rest.Any        `json:"extra"`
	CreatedAt      rest.Time       `json:"created_at"`
	UpdatedAt      rest.Time       `json:"updated_at"`
	ScheduledDags  []DagReference  `json:"scheduled_dags"`
	ProducingTasks []TaskReference `json:"producing_tasks"`
	ConsumingTasks []TaskReference `json:"consuming_tasks"`
	Aliases        []AssetAlias    `json:"aliases"`
	Watchers       []AssetWatcher  `json:"watchers"`
	LastAssetEvent *LastAssetEvent `json:"last_asset_event"`
}

// DagReference is a DAG that updates of an asset start.
type DagReference struct {
	DagID     string    `json:"dag_id"`
	CreatedAt rest.Time `json:"created_at"`
	UpdatedAt rest.Time `json:"updated_at"`
}

// TaskReference is a task that writes or reads an asset.
type TaskReference struct {
	DagID     string    `json:"dag_id"`
	TaskID    string    `json:"task_id"`
	CreatedAt rest.Time `json:"created_at"`
	UpdatedAt rest.Time `json:"updated_at"`
}

// AssetAlias is another name of an asset in Airflow. There is none here.
type AssetAlias struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Group string `json:"group"`
}

// AssetWatcher waits for something outside and updates an asset.
type AssetWatcher struct {
	Name string `json:"name"`
	// TriggerID is the place of the watcher in its asset: triggers have no numbers here.
	TriggerID   int       `json:"trigger_id"`
	CreatedDate rest.Time `json:"created_date"`
}

// LastAssetEvent is the last update of an asset.
type LastAssetEvent struct {
	ID        *int64     `json:"id"`
	Timestamp *rest.Time `json:"timestamp"`
}

func assetOf(a *browse.Asset) *Asset {
	out := &Asset{
		ID: a.ID, Name: a.Name, URI: a.URI, Group: a.Group, Extra: rest.Any("{}"), CreatedAt: rest.At(a.CreatedAt), UpdatedAt: rest.At(a.UpdatedAt),
		ScheduledDags: []DagReference{}, ProducingTasks: tasks(a.Producers), ConsumingTasks: tasks(a.Readers), Aliases: []AssetAlias{}, Watchers: []AssetWatcher{},
	}
	if len(a.Extra) > 0 {
		out.Extra = a.Extra
	}
	for _, r := range a.Consumers {
		out.ScheduledDags = append(out.ScheduledDags, DagReference{r.DAGID, rest.At(r.Since), rest.At(r.Since)})
	}
	for i, name := range a.Watchers {
		out.Watchers = append(out.Watchers, AssetWatcher{name, i + 1, out.CreatedAt})
	}
	if e := a.Last; e != nil {
		out.LastAssetEvent = &LastAssetEvent{&e.ID, rest.Maybe(e.At)}
	}
	return out
}

func tasks(refs []browse.Reference) []TaskReference {
	out := []TaskReference{}
	for _, r := range refs {
		out = append(out, TaskReference{r.DAGID, r.TaskID, rest.At(r.Since), rest.At(r.Since)})
	}
	return out
}

// AssetCollection is a page of assets.
type AssetCollection struct {
	Assets       []Asset `json:"assets"`
	TotalEntries int     `json:"total_entries"`
}

func (c *calls) list(ctx context.Context, in *struct {
	rest.Page

	NamePattern rest.Pattern `query:"name_pattern"`
	URIPattern  rest.Pattern `query:"uri_pattern"`
	DAGIDs      []string     `query:"dag_ids"`
	OnlyActive  bool         `query:"only_active" default:"true"`
	Order       rest.Order   `query:"order_by" order:"id,name,uri,created_at,updated_at" default:"id"`
},
) (*AssetCollection, error) {
	ids := in.DAGIDs
	if len(ids) == 1 { // here alone Airflow splits
		ids = slices.DeleteFunc(strings.Split(ids[0], ","), func(id string) bool { return id == "" })
	}
	found, n, err := c.Browse.Assets(ctx, browse.AssetFilter{
		NameLike: in.NamePattern.Like(), URILike: in.URIPattern.Like(), DAGIDs: ids, Gone: !in.OnlyActive,
	}, in.Of(in.Order))
	if err != nil {
		return nil, err
	}
	out := &AssetCollection{Assets: []Asset{}, TotalEntries: n}
	for _, a := range found {
		out.Assets = append(out.Assets, *assetOf(a))
	}
	return out, nil
}

type named struct {
	ID int64 `path:"asset_id"`
}

func (c *calls) get(ctx context.Context, in *named) (*Asset, error) {
	a, err := c.Browse.Asset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return assetOf(a), nil
}

// AssetAliasCollection is a page of aliases.
type AssetAliasCollection struct {
	AssetAliases []AssetAlias `json:"asset_aliases"`
	TotalEntries int          `json:"total_entries"`
}

func (*calls) aliases(context.Context, *struct {
	rest.Page

	NamePattern rest.Pattern `query:"name_pattern"`
	Order       rest.Order   `query:"order_by" order:"id,name" default:"id"`
},
) (*AssetAliasCollection, error) {
	return &AssetAliasCollection{AssetAliases: []AssetAlias{}}, nil
}

func (*calls) alias(_ context.Context, in *struct {
	ID int64 `path:"asset_alias_id"`
},
) (*AssetAlias, error) {
	return nil, rest.NotFound("The AssetAlias with ID: `%d` was not found: assets have no aliases here", in.ID)
}

// AssetEvent is an update of an asset.
type AssetEvent struct {
	ID             int64         `json:"id"`
	AssetID        int64         `json:"asset_id"`
	URI            *string       `json:"uri"`
	Name           *string       `json:"name"`
	Group          *string       `json:"group"`
	Extra          rest.Any      `json:"extra"`
	SourceTaskID   *string       `json:"source_task_id"`
	SourceDagID    *string       `json:"source_dag_id"`
	SourceRunID    *string       `json:"source_run_id"`
	SourceMapIndex int           `json:"source_map_index"`
	CreatedDagruns []DagRunAsset `json:"created_dagruns"`
	Timestamp      rest.Time     `json:"timestamp"`
	PartitionKey   *string       `json:"partition_key"`
}

// DagRunAsset is a run that an update led to.
type DagRunAsset struct {
	RunID             string     `json:"run_id"`
	DagID             string     `json:"dag_id"`
	LogicalDate       *rest.Time `json:"logical_date"`
	StartDate         *rest.Time `json:"start_date"`
	EndDate           *rest.Time `json:"end_date"`
	State             string     `json:"state"`
	DataIntervalStart *rest.Time `json:"data_interval_start"`
	DataIntervalEnd   *rest.Time `json:"data_interval_end"`
	PartitionKey      *string    `json:"partition_key"`
}

func eventOf(e *browse.AssetEvent) *AssetEvent {
	some := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	out := &AssetEvent{
		ID: e.ID, AssetID: e.Asset.ID, URI: &e.Asset.URI, Name: &e.Asset.Name, Group: &e.Asset.Group, Extra: rest.Any("{}"), SourceTaskID: some(e.TaskID),
		SourceDagID: some(e.DAGID), SourceRunID: some(e.RunID), SourceMapIndex: e.MapIndex, CreatedDagruns: []DagRunAsset{}, Timestamp: rest.At(e.At),
	}
	if len(e.Extra) > 0 {
		out.Extra = e.Extra
	}
	for _, r := range e.Runs {
		out.CreatedDagruns = append(out.CreatedDagruns, DagRunAsset{
			RunID: r.RunID, DagID: r.DAGID, LogicalDate: rest.Maybe(r.LogicalDate), StartDate: rest.Maybe(r.StartDate), EndDate: rest.Maybe(r.EndDate),
			State: string(r.State), DataIntervalStart: rest.Maybe(r.IntervalStart), DataIntervalEnd: rest.Maybe(r.IntervalEnd),
		})
	}
	return out
}

// AssetEventCollection is a page of updates.
type AssetEventCollection struct {
	AssetEvents  []AssetEvent `json:"asset_events"`
	TotalEntries int          `json:"total_entries"`
}

func collection(found []*browse.AssetEvent, n int) *AssetEventCollection {
	out := &AssetEventCollection{AssetEvents: []AssetEvent{}, TotalEntries: n}
	for _, e := range found {
		out.AssetEvents = append(out.AssetEvents, *eventOf(e))
	}
	return out
}

func (c *calls) events(ctx context.Context, in *struct {
	rest.Page

	AssetID     *int64         `query:"asset_id"`
	DAGID       *string        `query:"source_dag_id"`
	TaskID      *string        `query:"source_task_id"`
	RunID       *string        `query:"source_run_id"`
	MapIndex    *int           `query:"source_map_index"`
	NamePattern rest.Pattern   `query:"name_pattern"`
	Timestamp   rest.TimeRange `query:"timestamp"`
	Order       rest.Order     `query:"order_by" order:"source_task_id,source_dag_id,source_run_id,source_map_index,timestamp" default:"timestamp"`
},
) (*AssetEventCollection, error) {
	found, n, err := c.Browse.AssetEvents(ctx, browse.AssetEventFilter{
		DAGID: in.DAGID, TaskID: in.TaskID, RunID: in.RunID, MapIndex: in.MapIndex, Timestamp: in.Timestamp,
	}, in.AssetID, in.NamePattern.Like(), in.Of(in.Order))
	if err != nil {
		return nil, err
	}
	return collection(found, n), nil
}

func (c *calls) upstream(ctx context.Context, in *struct {
	DAGID    string `path:"dag_id"`
	DagRunID string `path:"dag_run_id"`
},
) (*AssetEventCollection, error) {
	found, err := c.Browse.Upstream(ctx, in.DAGID, in.DagRunID)
	if err != nil {
		return nil, err
	}
	return collection(found, len(found)), nil
}

// CreateAssetEventsBody says that an asset was updated.
type CreateAssetEventsBody struct {
	AssetID      int64       `json:"asset_id" required:"true"`
	Extra        rest.Object `json:"extra"`
	PartitionKey *string     `json:"partition_key"`
}

func (c *calls) update(ctx context.Context, in *struct{ Body CreateAssetEventsBody }) (*AssetEvent, error) {
	b := &in.Body
	a, err := c.Browse.Asset(ctx, b.AssetID)
	switch {
	case err != nil:
		return nil, err
	case b.PartitionKey != nil:
		return nil, rest.BadRequest("partition_key: assets have no partitions here; leave it out")
	case !a.Active:
		return nil, rest.NotFound("The Asset with ID: `%d` was not found: no DAG has it any more", b.AssetID)
	}
	if err := c.Browse.MayUpdate(ctx, a); err != nil {
		return nil, err
	}
	extra := rest.Object{}
	maps.Copy(extra, b.Extra)
	extra["from_rest_api"] = true
	text, err := json.Marshal(extra)
	if err != nil {
		return nil, err
	}
	m, err := c.Emitter(ctx)
	if err != nil {
		return nil, err
	}
	done, err := m.Emit(ctx, emit.Event{Asset: a.URI, Extra: text})
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(done.Events))
	for i, e := range done.Events {
		ids[i] = e.ID
	}
	found, _, err := c.Browse.AssetEvents(ctx, browse.AssetEventFilter{IDs: ids}, nil, nil, browse.Page{Limit: 1})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, rest.Errorf(http.StatusInternalServerError, "the asset was updated, and its event cannot be found")
	}
	return eventOf(found[0]), nil
}

// QueuedEvent is what a DAG has been told of an asset, and no run has taken.
type QueuedEvent struct {
	DagID          string    `json:"dag_id"`
	AssetID        int64     `json:"asset_id"`
	CreatedAt      rest.Time `json:"created_at"`
	DagDisplayName string    `json:"dag_display_name"`
}

// QueuedEventCollection are several.
type QueuedEventCollection struct {
	QueuedEvents []QueuedEvent `json:"queued_events"`
	TotalEntries int           `json:"total_entries"`
}

// before selects what happened before a moment.
type before struct {
	Before *rest.Time `query:"before"`
}

func (b *before) time() time.Time {
	if b.Before == nil {
		return time.Time{}
	}
	return b.Before.Time
}

type ofAsset struct {
	named
	before
}

type ofDAG struct {
	before

	DAGID string `path:"dag_id"`
}

type ofBoth struct {
	named
	before

	DAGID string `path:"dag_id"`
}

func (c *calls) waiting(ctx context.Context, dagID string, assetID int64, at time.Time) (*QueuedEventCollection, error) {
	found, err := c.Browse.Queued(ctx, dagID, assetID, at)
	if err != nil {
		return nil, err
	}
	out := &QueuedEventCollection{QueuedEvents: []QueuedEvent{}, TotalEntries: len(found)}
	for _, e := range found {
		out.QueuedEvents = append(out.QueuedEvents, QueuedEvent{e.DAGID, e.Asset.ID, rest.At(e.First), e.DisplayName})
	}
	return out, nil
}

func (c *calls) queuedOfAsset(ctx context.Context, in *ofAsset) (*QueuedEventCollection, error) {
	return c.waiting(ctx, "", in.ID, in.time())
}

func (c *calls) queuedOfDAG(ctx context.Context, in *ofDAG) (*QueuedEventCollection, error) {
	if err := c.Browse.KnownDAG(ctx, in.DAGID); err != nil {
		return nil, err
	}
	return c.waiting(ctx, in.DAGID, 0, in.time())
}

func (c *calls) queued(ctx context.Context, in *ofBoth) (*QueuedEvent, error) {
	all, err := c.waiting(ctx, in.DAGID, in.ID, in.time())
	if err != nil {
		return nil, err
	}
	if all.TotalEntries == 0 {
		return nil, noneQueued("dag_id `%s` and asset_id `%d`", in.DAGID, in.ID)
	}
	return &all.QueuedEvents[0], nil
}

func noneQueued(what string, args ...any) error {
	return rest.NotFound("Queued event with "+what+" was not found", args...)
}

func (c *calls) forgetOfAsset(ctx context.Context, in *ofAsset) (*rest.Null, error) {
	a, err := c.Browse.Asset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	found, err := c.Browse.Queued(ctx, "", in.ID, in.time())
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range found {
		if err := c.Browse.Allow(ctx, access.Operate, e.DAGID); err != nil {
			return nil, err
		}
		ids = append(ids, e.DAGID)
	}
	return c.take(ctx, ids, a.URI, in.time(), "asset_id: `%d`", in.ID)
}

func (c *calls) forgetOfDAG(ctx context.Context, in *ofDAG) (*rest.Null, error) {
	return c.take(ctx, []string{in.DAGID}, "", in.time(), "dag_id: `%s`", in.DAGID)
}

func (c *calls) forget(ctx context.Context, in *ofBoth) (*rest.Null, error) {
	a, err := c.Browse.Asset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return c.take(ctx, []string{in.DAGID}, a.URI, in.time(), "dag_id `%s` and asset_id `%d`", in.DAGID, in.ID)
}

// take takes back what DAGs were told of an asset, or for an empty URI of all.
func (c *calls) take(ctx context.Context, dagIDs []string, uri string, at time.Time, what string, args ...any) (*rest.Null, error) {
	n, err := c.API(ctx).ForgetAssets(ctx, dagIDs, uri, at)
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, noneQueued(what, args...)
	}
	return &rest.Null{}, nil
}
