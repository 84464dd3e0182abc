package params

import (
	"encoding/json"
	"fmt"
	"maps"
	"sync"
)

// Docs returns the comments of parameter structs. They are for people, so that most commands
// never ask for them. Nil has none.
type Docs func() Comments

// Comments holds the comments of parameter structs by the name of their Go type. The
// docgen command reads them from the source.
type Comments map[string]TypeDocs

// TypeDocs holds the comments of one struct: about the whole, and about each field by
// its YAML name. Paragraphs are separated by an empty line.
type TypeDocs struct {
	Text   string            `json:"text"`
	Fields map[string]string `json:"fields"`
}

// ParseDocs returns what docgen wrote, and reads it when it is first asked for. Asking panics
// when the text is broken: it is part of the program.
func ParseDocs(text string) Docs {
	return sync.OnceValue(func() Comments {
		var all Comments
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			panic(fmt.Sprintf("params: read generated docs: %v", err))
		}
		return all
	})
}

// With returns these comments and those of more structs.
func (d Docs) With(more ...Docs) Docs {
	return sync.OnceValue(func() Comments {
		all := Comments{}
		maps.Copy(all, d.of())
		for _, m := range more {
			maps.Copy(all, m.of())
		}
		return all
	})
}

func (d Docs) of() Comments {
	if d == nil {
		return nil
	}
	return d()
}
