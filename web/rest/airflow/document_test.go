package airflow_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// document is what is looked at of the OpenAPI document.
type document struct {
	Paths map[string]map[string]struct {
		ID         string `json:"operationId"` //nolint:tagliatelle // OpenAPI's name
		Parameters []struct {
			Name string `json:"name"`
			In   string `json:"in"`
		} `json:"parameters"`
		Body struct {
			Content map[string]struct {
				Schema struct {
					Ref string `json:"$ref"`
				} `json:"schema"`
			} `json:"content"`
		} `json:"requestBody"` //nolint:tagliatelle // OpenAPI's name
	} `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"schemas"`
	} `json:"components"`
}

// The document names the paths, parameters and fields that Airflow's has, and no others.
func TestDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var doc document
	require.NoError(t, json.Unmarshal([]byte(w.call("ann", "GET", "/openapi.json", "").body), &doc))
	table, err := os.ReadFile("testdata/airflow.txt")
	require.NoError(t, err)
	left := map[string]bool{}
	for path, methods := range doc.Paths {
		for method := range methods {
			left[strings.ToUpper(method)+" "+path] = true
		}
	}
	for line := range strings.Lines(string(table)) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if words[0] == "object" {
			assert.ElementsMatch(t, words[2:], properties(&doc, words[1]), words[1])
			continue
		}
		id, method, path := words[0], words[1], "/api/v2"+words[2]
		op, ok := doc.Paths[path][strings.ToLower(method)]
		require.True(t, ok, line)
		delete(left, method+" "+path)
		assert.Equal(t, id, op.ID)
		query, body, _ := strings.Cut(strings.Join(words[3:], " ")+" ", "body ")
		var params []string
		for _, p := range op.Parameters {
			if p.In == "query" {
				params = append(params, p.Name)
			}
		}
		assert.ElementsMatch(t, ranges(query), params, id)
		ref := op.Body.Content["application/json"].Schema.Ref
		assert.ElementsMatch(t, ranges(body), properties(&doc, ref[strings.LastIndex(ref, "/")+1:]), id)
	}
	assert.Empty(t, left, "operations that the table does not have")
}

func properties(doc *document, name string) (out []string) {
	for p := range doc.Components.Schemas[name].Properties {
		out = append(out, p)
	}
	return out
}

// ranges are names, with four for each range.
func ranges(text string) (out []string) {
	for name := range strings.FieldsSeq(text) {
		if of, ok := strings.CutSuffix(name, ".."); ok {
			out = slices.Concat(out, []string{of + "_gte", of + "_gt", of + "_lte", of + "_lt"})
			continue
		}
		out = append(out, name)
	}
	return out
}
