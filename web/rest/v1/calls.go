package v1

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	objects "github.com/dingdag/dingdag/web/rest/object"
)

// The paths.
const (
	dagPath      = "/dags/{dag_id}"
	runPath      = dagPath + "/dagRuns/{dag_run_id}"
	instancePath = runPath + "/taskInstances/{task_id}"
)

func (s *Server) routes() {
	get := func(path string, answer func(*call) (any, error)) { s.add(http.MethodGet, path, answer) }
	post := func(path string, answer func(*call) (any, error)) { s.add(http.MethodPost, path, answer) }
	patch := func(path string, answer func(*call) (any, error)) { s.add(http.MethodPatch, path, answer) }
	get("/version", one("/version", func(v object) object { return v }))

	get("/dags", list("/dags", "dags", dagOf))
	patch("/dags", (*call).patchDags)
	get(dagPath, one(dagPath, dagOf))
	patch(dagPath, (*call).patchDag)
	s.add(http.MethodDelete, dagPath, remove(dagPath))
	get(dagPath+"/details", one(dagPath+"/details", detailsOf))
	get(dagPath+"/tasks", list(dagPath+"/tasks", "tasks", taskOf))
	get(dagPath+"/tasks/{task_id}", one(dagPath+"/tasks/{task_id}", taskOf))
	get("/dagSources/{file_token}", (*call).source)
	s.add(http.MethodPut, "/parseDagFile/{file_token}", (*call).reparse)
	get("/dagWarnings", list("/dagWarnings", "dag_warnings", warningOf))
	get("/dagStats", (*call).stats)

	post("/dags/~/dagRuns/list", (*call).runsBatch)
	post("/dags/~/dagRuns/~/taskInstances/list", (*call).instancesBatch)
	get(dagPath+"/dagRuns", list(dagPath+"/dagRuns", "dag_runs", runOf))
	post(dagPath+"/dagRuns", (*call).trigger)
	get(runPath, one(runPath, runOf))
	patch(runPath, (*call).patchRun)
	s.add(http.MethodDelete, runPath, remove(runPath))
	patch(runPath+"/setNote", note(runPath, runOf))
	post(runPath+"/clear", (*call).clearRun)
	post(dagPath+"/clearTaskInstances", (*call).clear)
	post(dagPath+"/updateTaskInstancesState", (*call).updateState)

	const all = runPath + "/taskInstances"
	get(all, list(all, "task_instances", instanceOf))
	get(instancePath, one(instancePath, instanceOf))
	patch(instancePath, (*call).patchInstance)
	get(instancePath+"/listMapped", list(instancePath+"/listMapped", "task_instances", instanceOf))
	get(instancePath+"/links", (*call).links)
	patch(instancePath+"/setNote", note(instancePath, instanceOf))
	get(instancePath+"/logs/{try_number}", (*call).log)
	get(instancePath+"/xcomEntries", list(instancePath+"/xcomEntries", "xcom_entries", xcomOf))
	get(instancePath+"/xcomEntries/{xcom_key}", (*call).xcom)
	for _, at := range []string{instancePath, instancePath + "/{map_index}"} {
		get(at+"/tries", list(at+"/tries", "task_instances", tryOf))
		get(at+"/tries/{task_try_number}", one(at+"/tries/{task_try_number}", tryOf))
		get(at+"/dependencies", one(at+"/dependencies", func(d object) object { return d }))
	}
	get(instancePath+"/{map_index}", one(instancePath+"/{map_index}", instanceOf))
	patch(instancePath+"/{map_index}", (*call).patchInstance)
	patch(instancePath+"/{map_index}/setNote", note(instancePath+"/{map_index}", instanceOf))

	const variable, pool, connection = "/variables/{variable_key...}", "/pools/{pool_name...}", "/connections/{connection_id}"
	get("/variables", list("/variables", "variables", variableOf))
	post("/variables", create("/variables", variableOf))
	get(variable, one(variable, variableOf))
	patch(variable, update(variable, variableOf))
	s.add(http.MethodDelete, variable, remove(variable))
	get("/pools", list("/pools", "pools", poolOf))
	post("/pools", create("/pools", poolOf))
	get(pool, one(pool, poolOf))
	patch(pool, update(pool, poolOf))
	s.add(http.MethodDelete, pool, remove(pool))
	get("/connections", list("/connections", "connections", connectionItem))
	post("/connections", create("/connections", connectionOf))
	post("/connections/test", (*call).testConnection)
	get(connection, one(connection, connectionOf))
	patch(connection, update(connection, connectionOf))
	s.add(http.MethodDelete, connection, remove(connection))

	get("/importErrors", list("/importErrors", "import_errors", importErrorOf))
	get("/importErrors/{import_error_id}", one("/importErrors/{import_error_id}", importErrorOf))
	get("/eventLogs", list("/eventLogs", "event_logs", eventOf))
	get("/eventLogs/{event_log_id}", one("/eventLogs/{event_log_id}", eventOf))
	s.datasetRoutes()

	same := func(o object) object { return o }
	for _, p := range []string{"/config", "/config/section/{section}/option/{option}", "/plugins"} {
		get(p, one(p, same))
	}
	get("/providers", list("/providers", "providers", func(p object) object { return pick(p, "package_name", "description", "version") }))
}

// at is a path of version 2 with the parts that this one has in the places of their names.
func (c *call) at(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = url.PathEscape(c.names[strings.TrimSuffix(strings.Trim(p, "{}"), "...")])
		}
	}
	return strings.Join(parts, "/")
}

// list is a call for a page, which may have another name in version 1.
func list(pattern, name string, to func(object) object, named ...string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		found, err := c.get(c.at(pattern), c.query)
		if err != nil {
			return nil, err
		}
		out := each(found, name, to)
		for _, other := range named {
			out[other] = out[name]
			delete(out, name)
		}
		return out, nil
	}
}

// one is a call for one thing.
func one(pattern string, to func(object) object) func(*call) (any, error) {
	return func(c *call) (any, error) {
		found, err := c.get(c.at(pattern), c.query)
		if err != nil {
			return nil, err
		}
		return to(found), nil
	}
}

func create(pattern string, to func(object) object) func(*call) (any, error) {
	return func(c *call) (any, error) {
		made, err := c.objectOf(http.MethodPost, c.at(pattern), nil, c.body)
		if err != nil {
			return nil, err
		}
		return to(made), nil
	}
}

// update is a call that changes the fields of its mask, or those that the body has.
func update(pattern string, to func(object) object) func(*call) (any, error) {
	return func(c *call) (any, error) {
		q := url.Values{"update_mask": c.query["update_mask"]}
		if len(q["update_mask"]) == 0 {
			for name := range c.body {
				q.Add("update_mask", name)
			}
		}
		done, err := c.objectOf(http.MethodPatch, c.at(pattern), q, c.body)
		if err != nil {
			return nil, err
		}
		return to(done), nil
	}
}

func remove(pattern string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		_, err := c.ask(http.MethodDelete, c.at(pattern), nil, nil)
		return nil, err
	}
}

// note is a call that notes something.
func note(pattern string, to func(object) object) func(*call) (any, error) {
	return func(c *call) (any, error) {
		body, err := c.take("note")
		if err != nil {
			return nil, err
		}
		done, err := c.objectOf(http.MethodPatch, c.at(pattern), url.Values{"update_mask": {"note"}}, body)
		if err != nil {
			return nil, err
		}
		return to(first(done, "task_instances")), nil
	}
}

// first is the first of a list in an answer, or the answer when it has none.
func first(answer object, list string) object {
	if items, ok := answer[list].([]any); ok && len(items) > 0 {
		answer, _ = items[0].(object)
	}
	return answer
}

func (c *call) patchDags() (any, error) {
	if c.query.Get("dag_id_pattern") == "" {
		return nil, problem(http.StatusBadRequest, "dag_id_pattern: the parameter is missing; ~ stands for all DAGs")
	}
	done, err := c.objectOf(http.MethodPatch, "/dags", c.query, c.body)
	if err != nil {
		return nil, err
	}
	return each(done, "dags", dagOf), nil
}

func (c *call) patchDag() (any, error) {
	done, err := c.objectOf(http.MethodPatch, c.at(dagPath), url.Values{"update_mask": c.query["update_mask"]}, c.body)
	if err != nil {
		return nil, err
	}
	return dagOf(done), nil
}

// stats are the numbers of runs of the DAGs that are named, as they must be here.
func (c *call) stats() (any, error) {
	if c.query.Get("dag_ids") == "" {
		return nil, problem(http.StatusBadRequest, "dag_ids: the parameter is missing; give the ids of DAGs, with commas between them")
	}
	found, err := c.get("/dagStats", c.query)
	if err != nil {
		return nil, err
	}
	return each(found, "dags", func(d object) object { return pick(d, "dag_id", "stats") }), nil
}

// source finds the DAG whose file a token names, since version 2 goes by DAGs.
func (c *call) source() (any, error) {
	token := c.names["file_token"]
	accept := c.r.Header.Get("Accept")
	text := strings.HasPrefix(accept, "text/plain")
	if !text && accept != "" && !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*") {
		return nil, problem(http.StatusNotAcceptable, "only application/json and text/plain can be had")
	}
	if _, ok := objects.FileOf(token); !ok {
		return nil, problem(http.StatusNotFound, "there is no such file token")
	}
	q := url.Values{"limit": {pageSize}, "exclude_stale": {"false"}}
	for at := 0; ; at += 100 {
		q.Set("offset", strconv.Itoa(at))
		found, err := c.get("/dags", q)
		if err != nil {
			return nil, err
		}
		all, _ := found["dags"].([]any)
		for _, item := range all {
			d, _ := item.(object)
			if d["file_token"] != token {
				continue
			}
			id, _ := d["dag_id"].(string)
			src, err := c.get(path("/dagSources/%s", id), nil)
			if err != nil {
				return nil, err
			}
			if !text {
				return pick(src, "content"), nil
			}
			content, _ := src["content"].(string)
			c.text(content)
			return nil, nil //nolint:nilnil // it is written
		}
		if len(all) < 100 {
			return nil, problem(http.StatusNotFound, "there is no file with that token")
		}
	}
}

// reparse answers without a body.
func (c *call) reparse() (any, error) {
	if _, err := c.ask(http.MethodPut, c.at("/parseDagFile/{file_token}"), nil, nil); err != nil {
		return nil, err
	}
	c.done = true
	c.w.WriteHeader(http.StatusCreated)
	return nil, nil //nolint:nilnil // it is written
}

// text answers with a bare text.
func (c *call) text(content string) {
	c.done = true
	c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = c.w.Write([]byte(content)) // nobody is left to tell
}

// batch is the body of a batch in the words of version 2.
func (c *call) batch() object {
	out := object{}
	for name, value := range c.body {
		if to, ok := renamed[name]; ok {
			name = to
		}
		if text, ok := value.(string); ok && name == "order_by" {
			value = query(url.Values{"order_by": {text}}).Get("order_by")
		}
		out[name] = value
	}
	if out["page_limit"] == nil {
		out["page_limit"] = 100
	}
	return out
}

func (c *call) runsBatch() (any, error) {
	found, err := c.objectOf(http.MethodPost, "/dags/~/dagRuns/list", nil, c.batch())
	if err != nil {
		return nil, err
	}
	return each(found, "dag_runs", runOf), nil
}

func (c *call) instancesBatch() (any, error) {
	found, err := c.objectOf(http.MethodPost, "/dags/~/dagRuns/~/taskInstances/list", nil, c.batch())
	if err != nil {
		return nil, err
	}
	return each(found, "task_instances", instanceOf), nil
}

// trigger makes a run, by default with the logical date of now: in version 1 each run has one.
func (c *call) trigger() (any, error) {
	body, err := c.take("dag_run_id", "logical_date", "execution_date", "conf", "note", "data_interval_start", "data_interval_end")
	if err != nil {
		return nil, err
	}
	at, old := body["logical_date"], body["execution_date"]
	delete(body, "execution_date")
	switch {
	case at != nil && old != nil && at != old:
		return nil, problem(http.StatusBadRequest, "logical_date and execution_date are not the same: give one of them")
	case at == nil && old != nil:
		at = old
	case at == nil:
		at = moment(c.s.v2.Clock())
	}
	body["logical_date"] = at
	r, err := c.objectOf(http.MethodPost, c.at(dagPath+"/dagRuns"), nil, body)
	if err != nil {
		return nil, err
	}
	return runOf(r), nil
}

func (c *call) patchRun() (any, error) {
	body, err := c.take("state")
	if err != nil {
		return nil, err
	}
	r, err := c.objectOf(http.MethodPatch, c.at(runPath), nil, body)
	if err != nil {
		return nil, err
	}
	return runOf(r), nil
}

func (c *call) clearRun() (any, error) {
	body, err := c.take("dry_run")
	if err != nil {
		return nil, err
	}
	done, err := c.objectOf(http.MethodPost, c.at(runPath+"/clear"), nil, body)
	if err != nil {
		return nil, err
	}
	if done["task_instances"] != nil {
		return each(done, "task_instances", instanceOf), nil
	}
	return runOf(done), nil
}

// clear clears task instances. Their runs always go on: what version 1 means by reset_dag_runs without saying so.
func (c *call) clear() (any, error) {
	body, err := c.take("dry_run", "task_ids", "start_date", "end_date", "only_failed", "only_running", "include_subdags", "include_parentdag", "reset_dag_runs", "dag_run_id",
		"include_upstream", "include_downstream", "include_future", "include_past")
	if err != nil {
		return nil, err
	}
	without(body, "include_subdags", "include_parentdag", "reset_dag_runs")
	if only, _ := body["only_running"].(bool); only && body["only_failed"] == nil {
		body["only_failed"] = false
	}
	done, err := c.objectOf(http.MethodPost, c.at(dagPath+"/clearTaskInstances"), nil, body)
	if err != nil {
		return nil, err
	}
	return references(done), nil
}

// references are those of the task instances in an answer.
func references(answer object) object {
	return pick(each(answer, "task_instances", referenceOf), "task_instances")
}

// patchInstance gives a task instance a state; unless dry_run says otherwise it only tells whether it would.
func (c *call) patchInstance() (any, error) {
	body, err := c.take("dry_run", "new_state")
	if err != nil {
		return nil, err
	}
	to := instancePath
	if c.names["map_index"] != "" {
		to += "/{map_index}"
	}
	done, err := c.setState(c.at(to), body)
	if err != nil {
		return nil, err
	}
	return referenceOf(first(done, "task_instances")), nil
}

// setState sets the state at a path, which dry_run keeps from.
func (c *call) setState(at string, body object) (object, error) {
	dry, given := body["dry_run"].(bool)
	delete(body, "dry_run")
	if dry || !given {
		at += "/dry_run"
	}
	return c.objectOf(http.MethodPatch, at, nil, body)
}

func (c *call) updateState() (any, error) {
	body, err := c.take("dry_run", "task_id", "execution_date", "dag_run_id", "include_upstream", "include_downstream", "include_future", "include_past", "new_state")
	if err != nil {
		return nil, err
	}
	task, _ := body["task_id"].(string)
	run, _ := body["dag_run_id"].(string)
	if date, _ := body["execution_date"].(string); run == "" && date != "" {
		found, err := c.get(c.at(dagPath+"/dagRuns"), url.Values{"logical_date_gte": {date}, "logical_date_lte": {date}})
		if err != nil {
			return nil, err
		}
		run, _ = first(found, "dag_runs")["dag_run_id"].(string)
	}
	switch {
	case task == "":
		return nil, problem(http.StatusBadRequest, "task_id: the field is missing")
	case run == "":
		return nil, problem(http.StatusNotFound, "there is no such run: give its dag_run_id, or its execution_date")
	}
	without(body, "task_id", "dag_run_id", "execution_date")
	done, err := c.setState(path("/dags/%s/dagRuns/%s/taskInstances/%s", c.names["dag_id"], run, task), body)
	if err != nil {
		return nil, err
	}
	return references(done), nil
}

func (c *call) links() (any, error) {
	found, err := c.get(c.at(instancePath+"/links"), nil)
	if err != nil {
		return nil, err
	}
	return found["extra_links"], nil
}

// xcom answers with the value itself, or by default with it as a text: version 2 has its JSON then.
func (c *call) xcom() (any, error) {
	q := url.Values{"deserialize": {"true"}, "stringify": {"true"}}
	for _, name := range []string{"map_index", "stringify"} {
		if v := c.query[name]; len(v) > 0 {
			q[name] = v
		}
	}
	x, err := c.get(c.at(instancePath+"/xcomEntries/{xcom_key}"), q)
	if err != nil {
		return nil, err
	}
	return xcomOf(x), nil
}

func (c *call) testConnection() (any, error) {
	return c.objectOf(http.MethodPost, "/connections/test", nil, c.body)
}
