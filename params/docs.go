package params

import (
	"encoding/json"
	"fmt"
)

// Docs holds the comments of parameter structs by the name of their Go type. The
// docgen command reads them from the source.
type Docs map[string]TypeDocs

// TypeDocs holds the comments of one struct: about the whole, and about each field by
// its YAML name. Paragraphs are separated by an empty line.
type TypeDocs struct {
	Text   string            `json:"text"`
	Fields map[string]string `json:"fields"`
}

// ParseDocs reads what docgen wrote. It panics when the text is broken: it is part of
// the program.
func ParseDocs(text string) Docs {
	var docs Docs
	if err := json.Unmarshal([]byte(text), &docs); err != nil {
		panic(fmt.Sprintf("params: read generated docs: %v", err))
	}
	return docs
}
