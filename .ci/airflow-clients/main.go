// Airflow's clients for Go as a program that tests start: it does with a server what people do with such a client, and prints
// a line of JSON for each thing, with what came of it. It is built twice: with the official client, and by fork.mod with the
// one that the Terraform provider for Airflow uses. Both were made for version 1 of the API; the other one is used with
// version 2 too.
//
// AIRFLOW_URL is the server with the path of its API, AIRFLOW_USER and AIRFLOW_PASSWORD who signs in, or AIRFLOW_TOKEN a token.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/apache/airflow-client-go/airflow"
)

type did struct {
	Step  string `json:"step"`
	Got   any    `json:"got"`
	Error string `json:"error"`
}

// report prints what came of a step, and ends the program when the client or the server is at its end.
func report(step string, got any, res *http.Response, err error) {
	d := did{Step: step, Got: got}
	if err != nil {
		d.Error = err.Error()
		if res != nil {
			d.Got = res.StatusCode
		}
		if detail, ok := err.(interface{ Body() []byte }); ok {
			d.Error += ": " + string(detail.Body())
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(d); err != nil {
		panic(err)
	}
}

const dag = "etl"

func main() {
	config := airflow.NewConfiguration()
	config.Servers = airflow.ServerConfigurations{{URL: os.Getenv("AIRFLOW_URL")}}
	ctx := context.Background()
	if token := os.Getenv("AIRFLOW_TOKEN"); token != "" {
		config.AddDefaultHeader("Authorization", "Bearer "+token)
	} else {
		ctx = context.WithValue(ctx, airflow.ContextBasicAuth, airflow.BasicAuth{UserName: os.Getenv("AIRFLOW_USER"), Password: os.Getenv("AIRFLOW_PASSWORD")})
	}
	c := airflow.NewAPIClient(config)
	one := strings.HasSuffix(os.Getenv("AIRFLOW_URL"), "/v1")

	version, res, err := c.MonitoringApi.GetVersion(ctx).Execute()
	report("version", version.GetVersion(), res, err)
	if one {
		health, res, err := c.MonitoringApi.GetHealth(ctx).Execute()
		scheduler := health.GetScheduler()
		report("health", scheduler.GetStatus(), res, err)
	}

	list, res, err := c.DAGApi.GetDags(ctx).Limit(1).Offset(1).Execute()
	var ids []string
	for _, d := range list.GetDags() {
		ids = append(ids, d.GetDagId())
	}
	report("dags", map[string]any{"ids": ids, "total": list.GetTotalEntries()}, res, err)
	var unpaused airflow.DAG
	unpaused.SetIsPaused(false)
	patched, res, err := c.DAGApi.PatchDag(ctx, dag).DAG(unpaused).UpdateMask([]string{"is_paused"}).Execute()
	report("unpause", patched.GetIsPaused(), res, err)
	_, res, err = c.DAGApi.GetDag(ctx, "none").Execute()
	report("unknown", nil, res, err)

	var ask airflow.DAGRun
	ask.SetConf(map[string]any{"day": "monday"})
	run, res, err := c.DAGRunApi.PostDagRun(ctx, dag).DAGRun(ask).Execute()
	report("trigger", map[string]any{"state": run.GetState(), "conf": run.GetConf(), "type": run.GetRunType()}, res, err)
	id := run.GetDagRunId()
	wait := func(step string) {
		for until := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			run, res, err := c.DAGRunApi.GetDagRun(ctx, dag, id).Execute()
			state := string(run.GetState())
			if err == nil && state != "failed" && state != "success" && time.Now().Before(until) {
				continue
			}
			report(step, state, res, err)
			return
		}
	}
	wait("wait")
	runs, res, err := c.DAGRunApi.GetDagRuns(ctx, dag).OrderBy("-start_date").Limit(5).Execute()
	report("runs", len(runs.GetDagRuns()), res, err)
	instances, res, err := c.TaskInstanceApi.GetTaskInstances(ctx, dag, id).Execute()
	states := map[string]string{}
	for _, i := range instances.GetTaskInstances() {
		states[i.GetTaskId()] = string(i.GetState())
	}
	report("instances", states, res, err)
	if one {
		log, res, err := c.TaskInstanceApi.GetLog(ctx, dag, id, "load", 1).FullContent(true).Execute()
		report("log", log.GetContent(), res, err)
	}

	var clear airflow.ClearTaskInstances
	clear.SetDryRun(false)
	clear.SetOnlyFailed(true)
	clear.SetDagRunId(id)
	clear.SetTaskIds([]string{"load"})
	clear.SetIncludeDownstream(true)
	cleared, res, err := c.DAGApi.PostClearTaskInstances(ctx, dag).ClearTaskInstances(clear).Execute()
	report("clear", len(cleared.GetTaskInstances()), res, err)
	wait("wait again")
	if one { // a later version has numbers where the client expects booleans
		tasks, res, err := c.DAGApi.GetTasks(ctx, dag).Execute()
		report("tasks", len(tasks.GetTasks()), res, err)
	}
	xcoms, res, err := c.XComApi.GetXcomEntries(ctx, dag, id, "load").Execute()
	report("xcoms", xcoms.GetTotalEntries(), res, err)
	xcom, res, err := c.XComApi.GetXcomEntry(ctx, dag, id, "load", "return_value").Execute()
	report("xcom", xcom.GetValue(), res, err)

	var v airflow.Variable
	v.SetKey("day")
	v.SetValue("monday")
	_, res, err = c.VariableApi.PostVariables(ctx).Variable(v).Execute()
	report("variable", status(res), res, err)
	v.SetValue("friday")
	_, res, err = c.VariableApi.PatchVariable(ctx, "day").Variable(v).Execute()
	report("variable changed", status(res), res, err)
	got, res, err := c.VariableApi.GetVariable(ctx, "day").Execute()
	report("variable read", got.GetValue(), res, err)
	res, err = c.VariableApi.DeleteVariable(ctx, "day").Execute()
	report("variable deleted", status(res), res, err)

	var p airflow.Pool
	p.SetName("narrow")
	p.SetSlots(2)
	_, res, err = c.PoolApi.PostPool(ctx).Pool(p).Execute()
	report("pool", status(res), res, err)
	p.SetSlots(3)
	_, res, err = c.PoolApi.PatchPool(ctx, "narrow").Pool(p).UpdateMask([]string{"slots"}).Execute()
	report("pool changed", status(res), res, err)
	pool, res, err := c.PoolApi.GetPool(ctx, "narrow").Execute()
	report("pool read", pool.GetSlots(), res, err)
	res, err = c.PoolApi.DeletePool(ctx, "narrow").Execute()
	report("pool deleted", status(res), res, err)

	var conn airflow.Connection
	conn.SetConnectionId("warehouse")
	conn.SetConnType("http")
	conn.SetHost("example.com")
	conn.SetPassword("hidden")
	_, res, err = c.ConnectionApi.PostConnection(ctx).Connection(conn).Execute()
	report("connection", status(res), res, err)
	back, res, err := c.ConnectionApi.GetConnection(ctx, "warehouse").Execute()
	report("connection read", []string{back.GetConnType(), back.GetHost()}, res, err)
	all, res, err := c.ConnectionApi.GetConnections(ctx).Execute()
	report("connections", all.GetTotalEntries(), res, err)
	res, err = c.ConnectionApi.DeleteConnection(ctx, "warehouse").Execute()
	report("connection deleted", status(res), res, err)

	logs, res, err := c.EventLogApi.GetEventLogs(ctx).Limit(1).OrderBy("-event_log_id").Execute()
	var events []string
	for _, e := range logs.GetEventLogs() {
		events = append(events, e.GetEvent()+" by "+e.GetOwner())
	}
	report("events", events, res, err)
	faults, res, err := c.ImportErrorApi.GetImportErrors(ctx).Execute()
	report("import errors", faults.GetTotalEntries(), res, err)
	if len(os.Args) > 1 {
		fmt.Fprintf(os.Stderr, "no arguments are known: %q\n", os.Args[1:])
		os.Exit(2)
	}
}

func status(res *http.Response) int {
	if res == nil {
		return 0
	}
	return res.StatusCode
}
