package rest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// components is where the schemas of the document are.
const components = "#/components/schemas/"

// newDocument is the OpenAPI document without any call.
func newDocument(o *Options) *huma.OpenAPI {
	info := &huma.Info{
		Title: "Airflow API", Version: "2",
		Description: "The REST API of Airflow " + AirflowVersion + " as Dingdag " + o.Version + " serves it.",
	}
	name := huma.DefaultSchemaNamer
	if o.Base == Own {
		name = ownName
		info = &huma.Info{Title: "Dingdag API", Version: "1", Description: "What Airflow's REST API has not, as Dingdag " + o.Version + " serves it."}
	}
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    info,
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry(components, name),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"HTTPBearer": {Type: "http", Scheme: "bearer"}, "HTTPBasic": {Type: "http", Scheme: "basic"},
			},
		},
	}
}

// ownName is the name of a schema: that of its type, behind the package of one that is of none of these.
func ownName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	path := t.PkgPath()
	if _, of, _ := strings.Cut(path, "/web/rest"); of != "" || strings.HasSuffix(path, "/web/rest") || path == "" {
		return name
	}
	of := path[strings.LastIndex(path, "/")+1:]
	return strings.ToUpper(of[:1]) + of[1:] + name
}

// document makes the document as it is sent, when it is asked for first: all calls are there by then.
func (s *Server) document() func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		s.finish()
		return json.Marshal(s.doc)
	})
}

func (s *Server) openAPI(w http.ResponseWriter, r *http.Request) {
	if _, err := s.o.Guard.Authenticate(r); err != nil {
		if f := s.unauthenticated(r, err); f != nil {
			s.refuse(w, f)
		}
		return
	}
	b, err := s.served()
	if err != nil {
		s.refuse(w, s.faultOf(r, err))
		return
	}
	s.send(w, http.StatusOK, b)
}

// describe adds a call to the document.
func (s *Server) describe(op Operation, in *binding, out reflect.Type) *huma.Operation {
	o := &huma.Operation{
		OperationID: op.ID, Method: op.Method, Path: s.o.Base + op.Path, Tags: []string{op.Tag}, Summary: op.Summary,
		Responses: map[string]*huma.Response{},
	}
	if op.Summary == "" {
		o.Summary = summary(op.ID)
	}
	if !op.Public {
		o.Security = []map[string][]string{{"HTTPBearer": {}}, {"HTTPBasic": {}}}
	}
	registry := s.doc.Components.Schemas
	for i := range in.params {
		o.Parameters = append(o.Parameters, in.params[i].describe(registry)...)
	}
	if in.body != nil {
		s.bodyOf(in.bodyType)
		o.RequestBody = &huma.RequestBody{Required: !in.optional, Content: map[string]*huma.MediaType{
			"application/json": {Schema: registry.Schema(in.bodyType, true, "")},
		}}
	}
	ok := &huma.Response{Description: "Successful Response"}
	if op.Status != http.StatusNoContent {
		ok.Content = map[string]*huma.MediaType{}
		if out != rawType {
			ok.Content["application/json"] = &huma.MediaType{Schema: registry.Schema(out, true, "")}
		}
		for _, kind := range op.Produces {
			if ok.Content[kind] == nil {
				ok.Content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
			}
		}
	}
	o.Responses[strconv.Itoa(op.Status)] = ok
	s.describeFaults(o, &op, in)
	listed := *o
	listed.Path = strings.ReplaceAll(o.Path, "...}", "}")
	s.doc.AddOperation(&listed)
	return o
}

// summary is the id of an operation as words.
func summary(id string) string {
	words := strings.Split(id, "_")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}

// HTTPExceptionResponse is an error whose detail is a text or an object.
type HTTPExceptionResponse struct {
	Detail Any `json:"detail"`
}

// HTTPValidationError is an error with the problems of a request.
type HTTPValidationError struct {
	Detail []Problem `json:"detail"`
}

func (s *Server) describeFaults(o *huma.Operation, op *Operation, in *binding) {
	registry := s.doc.Components.Schemas
	text := registry.Schema(reflect.TypeFor[HTTPExceptionResponse](), true, "")
	add := func(status int, schema *huma.Schema) {
		o.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status), Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}
	}
	if !op.Public {
		add(http.StatusUnauthorized, text)
		add(http.StatusForbidden, text)
	}
	if strings.Contains(op.Path, "{") || s.o.Base == Own { // what a query or a body names may be unknown too
		add(http.StatusNotFound, text)
	}
	if op.Method != http.MethodGet {
		add(http.StatusConflict, text)
	}
	if len(in.params) > 0 || in.body != nil {
		add(http.StatusBadRequest, text)
		add(http.StatusUnprocessableEntity, registry.Schema(reflect.TypeFor[HTTPValidationError](), true, ""))
	}
}

// describe is a parameter, or the four of a range, for the document.
func (p *param) describe(r huma.Registry) []*huma.Param {
	name, _, _ := strings.Cut(p.name, "...")
	one := func(name string, schema *huma.Schema) *huma.Param {
		return &huma.Param{Name: name, In: p.in, Required: p.required, Schema: schema, Description: p.tag.Get("doc")}
	}
	ranged := func(schema *huma.Schema) (all []*huma.Param) {
		for _, suffix := range []string{"_gte", "_gt", "_lte", "_lt"} {
			all = append(all, one(name+suffix, schema))
		}
		return all
	}
	switch p.typ {
	case timesType:
		return ranged(&huma.Schema{Type: huma.TypeString, Format: "date-time"})
	case floatsType:
		return ranged(&huma.Schema{Type: huma.TypeNumber})
	case orderType:
		of := one(name, &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}, MaxItems: new(maxOrder), Default: list(p.tag.Get("default"))})
		of.Description = "What the list is ordered by, with - in front to turn it round: " + strings.Join(list(p.tag.Get("order")), ", ") + "."
		return []*huma.Param{of}
	}
	schema := huma.SchemaFromField(r, reflect.StructField{Name: "Value", Type: p.typ, Tag: p.tag}, "")
	schema.Nullable = false
	if schema.Items != nil {
		schema.Items.Enum, schema.Enum = append(schema.Items.Enum, schema.Enum...), nil
	}
	schema.Description = ""
	return []*huma.Param{one(name, schema)}
}

// finish says of the schemas what their types say: which fields may be null, and that bodies are closed.
func (s *Server) finish() {
	registry := s.doc.Components.Schemas
	for name, schema := range registry.Map() {
		t := registry.TypeFromRef(components + name)
		nullable(schema, t, s.bodies[t])
	}
}

func nullable(schema *huma.Schema, t reflect.Type, body bool) {
	for f := range fieldsOf(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := schema.Properties[name]
		if p == nil {
			continue
		}
		null := f.Type.Kind() == reflect.Pointer || f.Tag.Get("nullable") == "true"
		if body && f.Tag.Get("required") == "" {
			schema.Required = slices.DeleteFunc(schema.Required, func(n string) bool { return n == name })
		}
		switch {
		case !null:
			p.Nullable = false
		case p.Ref != "":
			schema.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}}
		case len(p.Enum) > 0:
			p.Nullable = true
			if !slices.Contains(p.Enum, nil) {
				p.Enum = append(p.Enum, nil)
			}
		case p.Type != "":
			p.Nullable = true
		}
	}
}

// bodyOf notes that a struct, and those in it, are bodies of requests.
func (s *Server) bodyOf(t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || s.bodies[t] {
		return
	}
	s.bodies[t] = true
	for f := range fieldsOf(t) {
		s.bodyOf(f.Type)
	}
}

// fieldsOf are the fields of a struct, with those of embedded ones.
func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		if t == nil || t.Kind() != reflect.Struct {
			return
		}
		for _, f := range reflect.VisibleFields(t) {
			if !f.Anonymous && f.IsExported() && !yield(f) {
				return
			}
		}
	}
}
