package rest_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/web/rest"
)

// door lets in who shows a name as a token.
type door map[string]access.Identity

func (d door) Authenticate(r *http.Request) (access.Identity, error) {
	who, ok := d[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok {
		return who, access.ErrUnknown
	}
	return who, nil
}

// anyDAG knows that every DAG is there.
type anyDAG struct{}

func (anyDAG) AccessDAG(ctx context.Context, id string) (access.DAG, error) {
	if err := ctx.Err(); err != nil {
		return access.DAG{}, err
	}
	return access.DAG{ID: id}, nil
}

type thing struct {
	Name  string     `json:"name"`
	Note  *string    `json:"note"`
	At    rest.Time  `json:"at"`
	Until *rest.Time `json:"until"`
	Inner *inner     `json:"inner"`
	Seen  []string   `json:"seen"`
}

type inner struct {
	N int `json:"n"`
}

type thingBody struct {
	Sent  rest.Sent   `json:"-"`
	Name  string      `json:"name" required:"true" maxLength:"5" pattern:"^[a-z]+$"`
	Date  *rest.Time  `json:"date" required:"true" zone:"true"`
	When  *rest.Time  `json:"when"`
	State *string     `json:"state" enum:"queued,failed"`
	Slots int         `json:"slots" default:"3" minimum:"-1"`
	Ratio *float64    `json:"ratio"`
	Dry   bool        `json:"dry_run" default:"true"`
	IDs   []string    `json:"ids" nullable:"true" minItems:"1"`
	Conf  rest.Object `json:"conf"`
	Value rest.Any    `json:"value"`
	Inner []inner     `json:"inner"`
}

type find struct {
	rest.Page
	DAGID  string          `path:"dag_id"`
	Order  rest.Order      `query:"order_by" order:"id,name" default:"id"`
	Paused *bool           `query:"paused"`
	State  rest.Filter     `query:"state" enum:"queued,failed"`
	Mode   string          `query:"mode" enum:"any,all" default:"any"`
	Tags   []string        `query:"tags"`
	Index  *int            `query:"map_index" minimum:"-1"`
	Start  rest.TimeRange  `query:"start_date"`
	Took   rest.FloatRange `query:"duration"`
	Need   string          `query:"need" required:"true"`
}

// echo is an answer that shows an input.
type echo struct {
	Input any `json:"input"`
}

func server(t *testing.T) *rest.Server {
	t.Helper()
	mine, err := access.ParseScope("dag:mine")
	require.NoError(t, err)
	s := rest.New(rest.Options{
		Guard: door{
			"ann": {User: "ann", Role: access.Operator, DAGs: access.AllDAGs()},
			"bob": {User: "bob", Role: access.Viewer, DAGs: mine},
		},
		DAGs: anyDAG{}, Version: "v1", Clock: func() time.Time { return time.Unix(0, 0) }, Log: slog.New(slog.DiscardHandler),
		Mask: func(text string) string { return strings.ReplaceAll(text, "hush-hush", "***") },
	})
	rest.Register(s, rest.Operation{ID: "find_things", Method: http.MethodGet, Path: "/dags/{dag_id}/things", Tag: "Thing"},
		func(_ context.Context, in *find) (*echo, error) { return &echo{in}, nil })
	rest.Register(s, rest.Operation{ID: "get_thing", Method: http.MethodGet, Path: "/things/{name...}", Tag: "Thing"},
		func(_ context.Context, in *struct {
			Name string `path:"name"`
		},
		) (*thing, error) {
			if in.Name == "none" {
				return nil, rest.NotFound("no %s", in.Name)
			}
			if in.Name == "broken" {
				return nil, &api.BrokenError{DAGID: "x", Problems: "x.yaml:1:1: error: not a number: hush-hush"}
			}
			return &thing{Name: in.Name, At: rest.At(time.Date(2026, 1, 2, 3, 4, 5, 120000, time.FixedZone("", 3600))), Seen: []string{}}, nil
		})
	rest.Register(s, rest.Operation{ID: "post_thing", Method: http.MethodPost, Path: "/dags/{dag_id}/things", Tag: "Thing", Status: 201, Action: access.Operate},
		func(_ context.Context, in *struct {
			DAGID string `path:"dag_id"`
			Body  thingBody
		},
		) (*echo, error) {
			return &echo{in.Body}, nil
		})
	rest.Register(s, rest.Operation{ID: "drop_thing", Method: http.MethodDelete, Path: "/dags/{dag_id}", Tag: "Thing", Status: 204, Action: access.Configure},
		func(context.Context, *struct {
			DAGID string `path:"dag_id"`
		},
		) (*struct{}, error) {
			return nil, rest.Duplicate("it is there")
		})
	return s
}

func call(s http.Handler, who, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// Who hangs up before it is known what they may do is not let in.
func TestNobodyIsLetInUnknown(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	end()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v2/dags/mine/things?need=1", nil)
	r.Header.Set("Authorization", "Bearer bob")
	w := httptest.NewRecorder()
	server(t).ServeHTTP(w, r)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
}

// Who asks, what they may do, and what nobody serves.
func TestAdmission(t *testing.T) {
	t.Parallel()
	s := server(t)
	const things = "/api/v2/dags/mine/things"
	for _, c := range []struct {
		who, method, path string
		status            int
		want              string
	}{
		{"", "GET", "/api/v2/version", 200, `{"version":"3.2.1","git_version":"dingdag v1"}`},
		{"", "GET", things, 401, `{"detail":"Not authenticated"}`},
		{"", "GET", "/openapi.json", 401, `{"detail":"Not authenticated"}`},
		{"eve", "GET", "/api/v2/things/a", 401, `{"detail":"Not authenticated"}`},
		{"bob", "GET", things + "?need=1", 200, ""},
		{"bob", "GET", "/api/v2/dags/~/things?need=1", 200, ""},
		{"bob", "GET", "/api/v2/dags/other/things?need=1", 403, `{"detail":"bob may not read DAG other: the DAG is none of those that the user or the token is limited to"}`},
		{"bob", "POST", things, 403, ""},
		{"ann", "DELETE", "/api/v2/dags/mine", 403, ""},
		{"ann", "GET", "/api/v2/nothing", 404, `{"error":"API route not found"}`},
		{"", "GET", "/api/v2/nothing", 404, `{"error":"API route not found"}`},
		{"ann", "PUT", "/api/v2/version", 405, `{"detail":"Method Not Allowed"}`},
		{"ann", "GET", "/api/v2/version/", 307, ""},
	} {
		w := call(s, c.who, c.method, c.path, "")
		assert.Equal(t, c.status, w.Code, c.path)
		if c.want != "" {
			assert.JSONEq(t, c.want, w.Body.String(), c.path)
		}
		if c.status == 401 {
			assert.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
		}
	}
	assert.Equal(t, "GET, HEAD", call(s, "ann", "PUT", "/api/v2/version", "").Header().Get("Allow"))
	assert.Equal(t, "/api/v2/version?a=b", call(s, "ann", "GET", "/api/v2/version/?a=b", "").Header().Get("Location"))
}

// Fields are always there, times end in Z, and names in a path may have slashes.
func TestAnswers(t *testing.T) {
	t.Parallel()
	s := server(t)
	for _, path := range []string{"/api/v2/things/a/b+c:d", "/api/v2/things/a%2Fb+c%3Ad"} {
		w := call(s, "ann", "GET", path, "")
		assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
		assert.Equal(t, `{"name":"a/b+c:d","note":null,"at":"2026-01-02T02:04:05.000120Z","until":null,"inner":null,"seen":[]}`, w.Body.String(), path)
	}
	w := call(s, "ann", "GET", "/api/v2/things/none", "")
	assert.Equal(t, 404, w.Code)
	assert.JSONEq(t, `{"detail":"no none"}`, w.Body.String())
	s2 := call(server(t), "ann", "GET", "/api/v2/dags/x/things?need=1", "")
	assert.Equal(t, 200, s2.Code)
	assert.JSONEq(t, `{"reason":"Unique constraint violation","statement":"hidden","orig_error":"hidden","message":"it is there"}`,
		detail(t, rest.Duplicate("it is there")))
}

func detail(t *testing.T, f *rest.Error) string {
	t.Helper()
	b, err := json.Marshal(f.Detail)
	require.NoError(t, err)
	return string(b)
}

// What is wrong with a query is told at once, by the words of pydantic.
func TestQueries(t *testing.T) {
	t.Parallel()
	s := server(t)
	for query, want := range map[string]string{
		"": `[{"type":"missing","loc":["query","need"],"msg":"Field required","input":null}]`,
		"need=1&limit=-1&offset=x": `[
			{"type":"greater_than_equal","loc":["query","limit"],"msg":"Input should be greater than or equal to 0","input":"-1","ctx":{"ge":0}},
			{"type":"int_parsing","loc":["query","offset"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"x"}]`,
		"need=1&paused=maybe":             `[{"type":"bool_parsing","loc":["query","paused"],"msg":"Input should be a valid boolean, unable to interpret input","input":"maybe"}]`,
		"need=1&mode=some":                `[{"type":"enum","loc":["query","mode"],"msg":"Input should be 'any' or 'all'","input":"some","ctx":{"expected":"'any' or 'all'"}}]`,
		"need=1&start_date_gte=invalid":   `[{"type":"datetime_from_date_parsing","loc":["query","start_date_gte"],"msg":"Input should be a valid datetime or date, input is too short","input":"invalid","ctx":{"error":"input is too short"}}]`,
		"need=1&start_date_lt=2026-13-01": `[{"type":"datetime_from_date_parsing","loc":["query","start_date_lt"],"msg":"Input should be a valid datetime or date, month value is outside expected range of 1-12","input":"2026-13-01","ctx":{"error":"month value is outside expected range of 1-12"}}]`,
		"need=1&duration_gt=long":         `[{"type":"float_parsing","loc":["query","duration_gt"],"msg":"Input should be a valid number, unable to parse string as a number","input":"long"}]`,
		"need=1&map_index=-2":             `[{"type":"greater_than_equal","loc":["query","map_index"],"msg":"Input should be greater than or equal to -1","input":"-2","ctx":{"ge":-1}}]`,
		"need=1&state=odd":                `"Invalid value for state. Valid values are queued, failed"`,
		"need=1&order_by=" + strings.Repeat("id&order_by=", 10) + "id": `[{"type":"too_long","loc":["query","order_by"],"msg":"List should have at most 10 items after validation, not 11","input":["id","id","id","id","id","id","id","id","id","id","id"],"ctx":{"actual_length":11,"field_type":"List","max_length":10}}]`,
	} {
		w := call(s, "ann", "GET", "/api/v2/dags/d/things?"+query, "")
		assert.Equal(t, 422, w.Code, query)
		assert.JSONEq(t, `{"detail":`+want+`}`, w.Body.String(), query)
	}
	w := call(s, "ann", "GET", "/api/v2/dags/d/things?need=1&order_by=-dag", "")
	assert.Equal(t, 400, w.Code)
	assert.JSONEq(t, `{"detail":"Ordering with 'dag' is disallowed or the attribute does not exist on the model"}`, w.Body.String())

	w = call(s, "ann", "GET", "/api/v2/dags/d/things?need=1&unknown=1&limit=500&tags=a,b&tags=c&paused=YES&state=queued&state=failed&order_by=-name&order_by=id&start_date_gte=2026-01-02&start_date_lte=2026-01-02T03:04:05.5%2B08:00&duration_lte=1.5", "")
	require.Equal(t, 200, w.Code, w.Body)
	var got map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	assert.Equal(t, map[string]any{
		"Limit": 500.0, "Offset": 0.0, "DAGID": "d", "Order": []any{map[string]any{"Name": "name", "Desc": true}, map[string]any{"Name": "id", "Desc": false}},
		"Paused": true, "State": []any{"queued", "failed"}, "Mode": "any", "Tags": []any{"a,b", "c"}, "Index": nil,
		"Start": map[string]any{"GTE": "2026-01-02T00:00:00Z", "GT": nil, "LTE": "2026-01-01T19:04:05.5Z", "LT": nil},
		"Took":  map[string]any{"GTE": nil, "GT": nil, "LTE": 1.5, "LT": nil}, "Need": "1",
	}, got["input"])
	assert.Equal(t, 100, rest.Page{Limit: 500}.Of(nil).Limit)
	assert.Equal(t, []int{3}, rest.Cut(rest.Page{Limit: 500, Offset: 2}, []int{1, 2, 3}))
	assert.Empty(t, rest.Cut(rest.Page{Limit: 0}, []int{1, 2, 3}))
}

// Bodies are closed, and every fault in one is told.
// Times are those that pydantic 2.13 takes.
func TestParseTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"+5": "1970-01-01T00:00:05Z", ".5": "1970-01-01T00:00:00.5Z", "5.": "1970-01-01T00:00:05Z", "20000000000": "2603-10-11T11:33:20Z",
		"20000000001": "1970-08-20T11:33:20.001Z", "253402300799999": "9999-12-31T23:59:59.999Z", "-62135596800000": "0001-01-01T00:00:00Z",
		"1704067200.1234567": "2024-01-01T00:00:00.123457Z", "1704067200.9999996": "2024-01-01T00:00:01Z",
		"1.5E+3": "1970-01-01T00:25:00Z", "-.5e3": "1969-12-31T23:51:40Z", "2026-01-31T08:00:00,1234567Z": "2026-01-31T08:00:00.123456Z", "2026-01-31T08:00:00−08:00": "2026-01-31T16:00:00Z",
	} {
		got, aware, err := rest.ParseTime(text)
		require.NoError(t, err, text)
		assert.True(t, aware)
		assert.Equal(t, want, got.Format(time.RFC3339Nano), text)
	}
	for text, want := range map[string]string{
		"1e15": "input is too short", "1e300": "input is too short", "0x10": "input is too short", "1_000": "input is too short", "": "input is too short", " 5 ": "input is too short",
		"253402300800000": "dates after 9999 are not supported as unix timestamps", strings.Repeat("9", 400): "dates after 9999 are not supported as unix timestamps",
		"-62167219201000": "dates before 0000 are not supported as unix timestamps", "-62135596801000": "year 0 is out of range", "0000-01-01": "year 0 is out of range",
		" 2024-01-01T00:00:00Z": "invalid character in year", "2024-01-01T00:00:00+25:00": "unexpected extra characters at the end of the input", "2024-01-01T25:00:00": "unexpected extra characters at the end of the input",
		"0001-01-01T00:00+00:01": "in UTC it is not in the years 1 to 9999", "9999-12-31T23:59:59-00:01": "in UTC it is not in the years 1 to 9999",
		"1.5e400": "input is too short", "1.5inf": "input is too short", "2026-01-31T08:00:00 +08:00": "unexpected extra characters at the end of the input", "2026-01-31T08:00:00+08": "unexpected extra characters at the end of the input",
		"2026-01-31T8:00:00Z": "unexpected extra characters at the end of the input", "2026-01-31T08:00.5Z": "unexpected extra characters at the end of the input",
		"2024-01-01T00:00:00Z ": "unexpected extra characters at the end of the input",
	} {
		_, _, err := rest.ParseTime(text)
		assert.EqualError(t, err, want, text)
	}
}

// However many items are wrong, the answer is short.
func TestManyProblems(t *testing.T) {
	t.Parallel()
	w := call(server(t), "ann", "POST", "/api/v2/dags/mine/things", `{"name":"a","date":null,"ids":[`+strings.Repeat("{},", 100_000)+`{}]}`)
	assert.Equal(t, 422, w.Code)
	assert.Less(t, w.Body.Len(), 20_000)
	assert.Equal(t, 413, call(server(t), "ann", "POST", "/api/v2/dags/mine/things", `{"name":"`+strings.Repeat("a", 1<<20)+`"}`).Code)
}

func TestBodies(t *testing.T) {
	t.Parallel()
	s := server(t)
	const good = `"name":"a","date":null`
	for body, want := range map[string]string{
		"":                                  `[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]`,
		"[]":                                `[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":[]}]`,
		"{}":                                `[{"type":"missing","loc":["body","name"],"msg":"Field required","input":{}},{"type":"missing","loc":["body","date"],"msg":"Field required","input":{}}]`,
		"{oh}":                              "",
		`{` + good + `,"execution_date":1}`: `[{"type":"extra_forbidden","loc":["body","execution_date"],"msg":"Extra inputs are not permitted","input":1}]`,
		`{"name":"UPPER1","date":"2026-01-01T00:00:00"}`: `[
			{"type":"string_too_long","loc":["body","name"],"msg":"String should have at most 5 characters","input":"UPPER1","ctx":{"max_length":5}},
			{"type":"timezone_aware","loc":["body","date"],"msg":"Input should have timezone info","input":"2026-01-01T00:00:00"}]`,
		`{"name":"A","date":null,"slots":-2,"state":"running","dry_run":"perhaps"}`: `[
			{"type":"string_pattern_mismatch","loc":["body","name"],"msg":"String should match pattern '^[a-z]+$'","input":"A","ctx":{"pattern":"^[a-z]+$"}},
			{"type":"enum","loc":["body","state"],"msg":"Input should be 'queued' or 'failed'","input":"running","ctx":{"expected":"'queued' or 'failed'"}},
			{"type":"greater_than_equal","loc":["body","slots"],"msg":"Input should be greater than or equal to -1","input":-2,"ctx":{"ge":-1}},
			{"type":"bool_parsing","loc":["body","dry_run"],"msg":"Input should be a valid boolean, unable to interpret input","input":"perhaps"}]`,
		`{` + good + `,"slots":1.5,"conf":[],"ids":[],"ratio":{}}`: `[
			{"type":"int_from_float","loc":["body","slots"],"msg":"Input should be a valid integer, got a number with a fractional part","input":1.5},
			{"type":"float_type","loc":["body","ratio"],"msg":"Input should be a valid number","input":{}},
			{"type":"too_short","loc":["body","ids"],"msg":"List should have at least 1 item after validation, not 0","input":[],"ctx":{"field_type":"List","min_length":1,"actual_length":0}},
			{"type":"dict_type","loc":["body","conf"],"msg":"Input should be a valid dictionary","input":[]}]`,
		`{` + good + `,"ids":["a",1],"inner":[{"n":true},{"m":1}],"dry_run":null}`: `[
			{"type":"bool_type","loc":["body","dry_run"],"msg":"Input should be a valid boolean","input":null},
			{"type":"string_type","loc":["body","ids",1],"msg":"Input should be a valid string","input":1},
			{"type":"int_type","loc":["body","inner",0,"n"],"msg":"Input should be a valid integer","input":true},
			{"type":"extra_forbidden","loc":["body","inner",1,"m"],"msg":"Extra inputs are not permitted","input":1}]`,
	} {
		w := call(s, "ann", "POST", "/api/v2/dags/d/things", body)
		assert.Equal(t, 422, w.Code, body)
		if want != "" {
			assert.JSONEq(t, `{"detail":`+want+`}`, w.Body.String(), body)
		}
	}
	w := call(s, "ann", "POST", "/api/v2/dags/d/things", `{"name":"a","date":"2026-01-01T00:00:00+08:00","when":"2026-01-01","slots":"7","conf":{"a":1},"value":[1,"x"],"inner":[{"n":2}]}`)
	require.Equal(t, 201, w.Code, w.Body)
	assert.JSONEq(t, `{"input":{"name":"a","date":"2025-12-31T16:00:00Z","when":"2026-01-01T00:00:00Z","state":null,"slots":7,"ratio":null,"dry_run":true,"ids":null,"conf":{"a":1},"value":[1,"x"],"inner":[{"n":2}]}}`, w.Body.String())
	assert.Equal(t, 413, call(s, "ann", "POST", "/api/v2/dags/d/things", `{"name":"`+strings.Repeat("x", 11<<20)+`"}`).Code)
}

// The document says which fields there are, which may be null and what bodies need.
func TestDocument(t *testing.T) {
	t.Parallel()
	w := call(server(t), "bob", "GET", "/openapi.json", "")
	require.Equal(t, 200, w.Code)
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			OperationID string           `json:"operationId"` //nolint:tagliatelle // OpenAPI's name
			Parameters  []map[string]any `json:"parameters"`
			Responses   map[string]any   `json:"responses"`
		} `json:"paths"`
		Components struct {
			Schemas map[string]struct {
				Required   []string                  `json:"required"`
				Properties map[string]map[string]any `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &doc))
	assert.Equal(t, "3.1.0", doc.OpenAPI)
	assert.Equal(t, "get_thing", doc.Paths["/api/v2/things/{name}"]["get"].OperationID)
	assert.Contains(t, doc.Paths["/api/v2/dags/{dag_id}"]["delete"].Responses, "204")
	var names []string
	for _, p := range doc.Paths["/api/v2/dags/{dag_id}/things"]["get"].Parameters {
		names = append(names, p["name"].(string))
	}
	assert.Equal(t, strings.Split("limit offset dag_id order_by paused state mode tags map_index start_date_gte start_date_gt start_date_lte start_date_lt duration_gte duration_gt duration_lte duration_lt need", " "), names)
	answer, body := doc.Components.Schemas["Thing"], doc.Components.Schemas["ThingBody"]
	assert.ElementsMatch(t, []string{"name", "note", "at", "until", "inner", "seen"}, answer.Required)
	assert.Equal(t, []any{"string", "null"}, answer.Properties["note"]["type"])
	assert.Equal(t, []any{"string", "null"}, answer.Properties["until"]["type"])
	assert.Equal(t, "string", answer.Properties["at"]["type"])
	assert.Equal(t, []any{map[string]any{"$ref": "#/components/schemas/Inner"}, map[string]any{"type": "null"}}, answer.Properties["inner"]["anyOf"])
	assert.Equal(t, "array", answer.Properties["seen"]["type"])
	assert.ElementsMatch(t, []string{"name", "date"}, body.Required)
}

func TestNullAndZero(t *testing.T) {
	t.Parallel()
	assert.Nil(t, rest.Some(""))
	assert.Nil(t, rest.Some(0))
	assert.Equal(t, "a", *rest.Some("a"))
	assert.Empty(t, rest.OrEmpty(nil))
	assert.Equal(t, "a", rest.OrEmpty(new("a")))
	var none *rest.Time
	assert.True(t, rest.OrZero(none).IsZero())
	at := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	assert.Equal(t, at, rest.OrZero(rest.Maybe(at)))
}

// What is written in a DAG file is told without its secrets.
func TestBrokenFilesAreMasked(t *testing.T) {
	t.Parallel()
	got := call(server(t), "ann", http.MethodGet, "/api/v2/things/broken", "")
	assert.Equal(t, http.StatusConflict, got.Code)
	assert.JSONEq(t, `{"detail":"dag \"x\" cannot be loaded:\nx.yaml:1:1: error: not a number: ***"}`, got.Body.String())
}
