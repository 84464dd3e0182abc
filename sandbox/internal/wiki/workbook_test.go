package wiki_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestWorksheets(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	created := o.Modern(t, 200, http.MethodPost, boxtest.BookPath+"/sheets?"+boxtest.ZhangSan, `{"name":"集群"}`)
	assert.Contains(t, created, `"name":"集群(1)"`, "a taken name is changed and not refused")
	sheets := o.Worksheets(t)
	require.Len(t, sheets, 3)
	assert.JSONEq(t, `{"value":[{"id":"`+sheets[0].ID+`","name":"集群"},{"id":"`+sheets[1].ID+`","name":"备注"},{"id":"`+sheets[2].ID+`","name":"集群(1)"}]}`,
		o.Modern(t, 200, http.MethodGet, boxtest.BookPath+"/sheets?"+boxtest.ZhangSan, ""))

	assert.JSONEq(t, `{"id":"`+sheets[0].ID+`"}`, o.SheetCall(t, 200, http.MethodPut, "集群", "", `{"name":"a/b c 第一","frozenRowCount":1}`))
	assert.JSONEq(t, `{"id":"`+sheets[0].ID+`","name":"a/b c 第一","visibility":"visible","lastNonEmptyRow":4,"lastNonEmptyColumn":2,
		"rowCount":200,"columnCount":26,"frozenRowCount":1,"frozenColumnCount":0}`, o.SheetCall(t, 200, http.MethodGet, "a/b c 第一", "", ""))
	assert.Contains(t, o.SheetCall(t, 200, http.MethodGet, "备注", "", ""), `"lastNonEmptyRow":-1`)

	o.SheetCall(t, 200, http.MethodPut, "备注", "", `{"visibility":"hidden"}`)
	assert.JSONEq(t, `{"success":true}`, o.SheetCall(t, 200, http.MethodDelete, sheets[2].ID, "", ""))
	assert.Contains(t, o.SheetCall(t, 404, http.MethodDelete, sheets[2].ID, "", ""), "invalidRequest.resource.notFound")
	assert.Contains(t, o.SheetCall(t, 403, http.MethodDelete, sheets[0].ID, "", ""), "forbidden.operationIllegal")
	assert.Contains(t, o.SheetCall(t, 403, http.MethodPut, sheets[0].ID, "", `{"visibility":"hidden"}`), "forbidden.operationIllegal")
	for _, body := range []string{`{"visibility":"gone"}`, `{"frozenRowCount":200}`, `{"name":""}`, `{"frozenColumnCount":"1"}`} {
		assert.Contains(t, o.SheetCall(t, 400, http.MethodPut, sheets[0].ID, "", body), "invalidRequest.inputArgs.invalid", body)
	}
}

func TestRowsAndColumns(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	post := func(want int, verb, body string) string {
		t.Helper()
		return o.SheetCall(t, want, http.MethodPost, "集群", "/"+verb, body)
	}
	id := o.Worksheets(t)[0].ID
	assert.JSONEq(t, `{"id":"`+id+`"}`, post(200, "insertRowsBefore", `{"row":1,"rowCount":2}`))
	assert.JSONEq(t, `{"id":"`+id+`"}`, post(200, "deleteRows", `{"row":3,"rowCount":1}`))
	post(200, "insertColumnsBefore", `{"column":0,"columnCount":1}`)
	post(200, "deleteColumns", `{"column":3,"columnCount":1}`)
	post(200, "setRowsVisibility", `{"row":1,"rowCount":2,"visibility":"hidden"}`)
	post(200, "setColumnsVisibility", `{"column":1,"columnCount":1,"visibility":"hidden"}`)
	post(200, "setRowsVisibility", `{"row":2,"rowCount":1,"visibility":"visible"}`)
	got := o.Worksheets(t)[0]
	assert.Equal(t, []any{nil, "集群", "节点"}, got.Values[0])
	assert.Equal(t, []any{nil, nil, nil}, got.Values[1])
	assert.Equal(t, []any{nil, "华北2", 8.0}, got.Values[3])
	assert.Equal(t, []int{201, 26}, []int{got.RowCount, got.ColumnCount})
	assert.Equal(t, []int{1}, got.HiddenRows)
	assert.Equal(t, []int{1}, got.HiddenColumns)

	for verb, bodies := range map[string][]string{
		"insertRowsBefore":     {`{"row":201,"rowCount":1}`, `{"row":0,"rowCount":0}`, `{"row":-1,"rowCount":1}`},
		"deleteRows":           {`{"row":200,"rowCount":2}`, `{"row":0,"rowCount":201}`},
		"setRowsVisibility":    {`{"row":0,"rowCount":1,"visibility":"gone"}`, `{"row":201,"rowCount":1,"visibility":"hidden"}`},
		"insertColumnsBefore":  {`{"column":26,"columnCount":1}`, `{"column":"A","columnCount":1}`},
		"deleteColumns":        {`{"column":26,"columnCount":1}`},
		"setColumnsVisibility": {`{"column":26,"columnCount":1,"visibility":"hidden"}`},
	} {
		for _, body := range bodies {
			assert.Contains(t, post(400, verb, body), "invalidRequest.inputArgs.invalid", verb+body)
		}
	}
	assert.Contains(t, post(400, "deleteRows", `{"row":1}`), "MissingrowCount", "there is no default")
	assert.Contains(t, post(403, "insertRowsBefore", `{"row":0,"rowCount":5000000}`), "forbidden.document.sizeOverLimit")
}

func TestAppendRows(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	assert.JSONEq(t, `{"a1Notation":"A6:C7"}`, o.SheetCall(t, 200, http.MethodPost, "集群", "/appendRows", `{"values":[["a","1","x"],["b","2","y"]]}`))
	assert.JSONEq(t, `{"a1Notation":"A1:B1"}`, o.SheetCall(t, 200, http.MethodPost, "备注", "/appendRows", `{"values":[["a","b"]]}`))
	assert.Equal(t, []any{"b", 2.0, "y"}, o.Worksheets(t)[0].Values[6])
	for _, body := range []string{`{"values":[["a","b"]]}`, `{"values":[]}`, `{"values":[["a","b","c"],["a"]]}`, `{"values":[["a","b",3]]}`, `{"values":["a"]}`} {
		assert.Contains(t, o.SheetCall(t, 400, http.MethodPost, "集群", "/appendRows", body), "invalidRequest.inputArgs.invalid", body)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	at := func(want int, method, sheet, address, body string) string {
		t.Helper()
		return o.SheetCall(t, want, method, sheet, "/ranges/"+address, body)
	}
	assert.JSONEq(t, `{"a1Notation":"B2:C3"}`, at(200, http.MethodPut, "备注", "B2:C3", `{"values":[["名","qty"],["disk","3"]],
		"fontWeights":[["bold","bold"],["normal","normal"]],"backgroundColors":[["#ff0000","#ffffff"],["#ffffff","#ffffff"]]}`))
	assert.JSONEq(t, `{"a1Notation":"D4"}`, at(200, http.MethodPut, "备注", "D4", `{"values":[["007"]],"numberFormat":"@","wordWrap":"clip",
		"hyperlinks":[[{"type":"path","link":"https://example.com","text":"x"}]]}`))
	get := func(address, selected string) string {
		t.Helper()
		return o.Modern(t, 200, http.MethodGet, boxtest.BookPath+"/sheets/"+url.PathEscape("备注")+"/ranges/"+address+"?"+boxtest.ZhangSan+"&select="+url.QueryEscape(selected), "")
	}
	assert.JSONEq(t, `{"values":[["名","qty"],["disk",3]],"displayValues":[["名","qty"],["disk","3"]],"formulas":[["",""],["",""]]}`, get("B2:C3", "values,formulas,displayValues"))
	assert.JSONEq(t, `{"fontWeights":[["bold"],["normal"]],"backgroundColors":[[{"red":255,"green":0,"blue":0,"hexString":"#ff0000"}],
		[{"red":255,"green":255,"blue":255,"hexString":"#ffffff"}]]}`, get("B2:B3", "fontWeights,backgroundColors"))
	assert.JSONEq(t, `{"values":[["007"]],"hyperlinks":[[{"type":"path","link":"https://example.com","text":"x"}]]}`, get("D4", "values,hyperlinks"))
	rich := `[[{"type":"richText","texts":[{"text":"红"},{"text":"x"}]}]]`
	at(200, http.MethodPut, "备注", "E5", `{"complexValues":`+rich+`}`)
	assert.JSONEq(t, `{"complexValues":`+rich+`}`, get("E5", "complexValues"))
	at(400, http.MethodPut, "备注", "E5", `{"complexValues":[[1,2]]}`)
	everything := boxtest.Read[map[string]any](t, at(200, http.MethodGet, "集群", "A5:C5", ""))
	assert.Len(t, everything, 10)
	assert.Equal(t, []any{[]any{"合计", 26.0, 0.6433333333333334}}, everything["values"])
	assert.Equal(t, []any{[]any{"", "=SUM(B2:B4)", "=AVERAGE(C2:C4)"}}, everything["formulas"])

	assert.JSONEq(t, `{"a1Notation":"B2"}`, at(200, http.MethodPost, "备注", "B2/clearData", ""))
	at(200, http.MethodPost, "备注", "C2/clear", "")
	assert.JSONEq(t, `{"values":[[null,null]],"fontWeights":[["bold","normal"]]}`, get("B2:C2", "values,fontWeights"))
}

// A range that cannot be written whole stays as it was.
func TestRangeUpdateRefusals(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	before := o.Worksheets(t)
	tests := map[string]struct{ address, body string }{
		"too few rows":    {"A1:B2", `{"values":[["a","b"]]}`},
		"too many cells":  {"A1:B1", `{"values":[["a","b","c"]]}`},
		"ragged":          {"A1:B2", `{"values":[["a","b"],["c"]]}`},
		"numbers":         {"A1:B1", `{"values":[["a",1]]}`},
		"null":            {"A1:B1", `{"values":[["a",null]]}`},
		"no list":         {"A1", `{"values":"a"}`},
		"below the grid":  {"A201", `{"values":[["a"]]}`},
		"right of it":     {"AA1", `{"values":[["a"]]}`},
		"nothing outside": {"AA1", `{"wordWrap":"clip"}`},
		"malformed":       {"1A", `{"values":[["a"]]}`},
		"columns":         {"A:C", `{"values":[["a"]]}`},
		"backwards":       {"B2:A1", `{"values":[["a","b"],["c","d"]]}`},
		"color":           {"A1", `{"values":[["a"]],"backgroundColors":[["red"]]}`},
		"weight":          {"A1", `{"values":[["a"]],"fontWeights":[["heavy"]]}`},
		"style shape":     {"A1:B1", `{"values":[["a","b"]],"fontSizes":[[10]]}`},
		"size":            {"A1", `{"values":[["a"]],"fontSizes":[["10"]]}`},
		"alignment":       {"A1", `{"values":[["a"]],"horizontalAlignments":[["middle"]]}`},
		"vertical":        {"A1", `{"values":[["a"]],"verticalAlignments":[["center"]]}`},
		"link":            {"A1", `{"values":[["a"]],"hyperlinks":[[{"type":"web"}]]}`},
	}
	for name, tt := range tests {
		got := o.SheetCall(t, 400, http.MethodPut, "集群", "/ranges/"+tt.address, tt.body)
		assert.Contains(t, got, "invalidRequest.inputArgs.invalid", name)
	}
	assert.Equal(t, before, o.Worksheets(t))
	assert.Contains(t, o.SheetCall(t, 400, http.MethodPut, "集群", "/ranges/A1", ""), "Missingbody")
}

func TestWorkbookRefusals(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	secret, err := o.AddWorkspace(sandbox.Workspace{Name: "secret", Creator: "user009", Members: []string{"user008"}})
	require.NoError(t, err)
	book, err := o.Server.AddWorkbook(sandbox.Workbook{WorkspaceID: secret.ID, Name: "x"})
	require.NoError(t, err)
	pad := strings.Repeat("x", 23)
	tests := map[string]struct {
		id, operator string
		status       int
		code         string
	}{
		"malformed":   {"nope", "union001iE", 400, "invalidRequest.inputArgs.workbookIdIllegal"},
		"user id":     {sandbox.DemoWorkbookID, "user001", 400, "invalidRequest.inputArgs.operatorIdIllegal"},
		"unknown":     {"DemoNone" + pad + "x", "union001iE", 404, "invalidRequest.resource.notFound"},
		"a document":  {"DemoNotes" + pad, "union001iE", 400, "invalidRequest.resource.notWorkbook"},
		"a table":     {"DemoTable" + pad, "union001iE", 400, "invalidRequest.resource.notWorkbook"},
		"no access":   {book.ID, "union001iE", 403, "forbidden.accessDenied"},
		"a member":    {book.ID, "union008iE", 200, ""},
		"the creator": {book.ID, "union009iE", 200, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := o.Modern(t, tt.status, http.MethodGet, "/v1.0/doc/workbooks/"+tt.id+"/sheets?operatorId="+tt.operator, "")
			assert.Equal(t, tt.code, boxtest.Read[struct{ Code string }](t, got).Code, got)
		})
	}
}

func TestWorkbooksThatAreStillInitialising(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	require.NoError(t, o.HoldWorkbook(sandbox.DemoWorkbookID, 3*time.Second))
	require.ErrorIs(t, o.HoldWorkbook("x", time.Second), sandbox.ErrNotFound)
	assert.Contains(t, o.SheetCall(t, 400, http.MethodGet, "集群", "", ""), "invalidRequest.document.stillInitializing")
	o.Clock.Advance(3 * time.Second)
	o.SheetCall(t, 200, http.MethodGet, "集群", "", "")

	s := sandbox.New(sandbox.Options{Now: o.Clock.Now, WorkbookStart: time.Minute})
	require.NoError(t, s.Seed(sandbox.DemoOrganisation()))
	require.NoError(t, s.AddApp(o.App))
	assert.Contains(t, boxtest.Direct(t, s, o.App, http.MethodGet, boxtest.BookPath+"/sheets?"+boxtest.ZhangSan, ""), "集群", "only those that doc.create makes have to wait")
	made := boxtest.Read[struct{ DentryUUID string }](t, boxtest.Direct(t, s, o.App, http.MethodPost, docsPath, `{"name":"x","docType":"WORKBOOK","operatorId":"union001iE"}`))
	assert.Contains(t, boxtest.Direct(t, s, o.App, http.MethodGet, "/v1.0/doc/workbooks/"+made.DentryUUID+"/sheets?"+boxtest.ZhangSan, ""), "stillInitializing")
}

func TestAddWorkbookRefusesNonsense(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	for name, w := range map[string]sandbox.Workbook{
		"no space":  {Name: "x", WorkspaceID: "nope"},
		"bad id":    {Name: "x", WorkspaceID: "DemoSpace0000001", ID: "short"},
		"taken id":  {Name: "x", WorkspaceID: "DemoSpace0000001", ID: sandbox.DemoWorkbookID},
		"too wide":  {Name: "x", WorkspaceID: "DemoSpace0000001", Sheets: []sandbox.Sheet{{Values: [][]any{make([]any, 27)}}}},
		"too large": {Name: "x", WorkspaceID: "DemoSpace0000001", Sheets: []sandbox.Sheet{{Values: append(make([][]any, 200), []any{"x"})}}},
	} {
		_, err := o.Server.AddWorkbook(w)
		require.Error(t, err, name)
	}
	_, err := o.Sheets("nope")
	require.ErrorIs(t, err, sandbox.ErrNotFound)
}
