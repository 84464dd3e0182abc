package sandbox

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/grid"
)

// Workspace is a space of the knowledge base.
type Workspace struct {
	// ID is made up when it is empty.
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	TeamID      string `json:"team_id,omitempty"`
	// RootNodeID is the parent of what lies at the top. It is made up when it is empty.
	RootNodeID string `json:"root_node_id"`
	// Creator is a user id.
	Creator string `json:"creator"`
	// Members are the user ids of those who may come in besides the creator. Nil means everyone.
	Members []string `json:"members"`
	// Personal spaces hold somebody's own documents and are in no list.
	Personal bool      `json:"personal,omitempty"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
}

// Node is a folder, document or workbook.
type Node struct {
	// ID is the dentryUuid: 32 letters and digits. It is what all calls but the
	// deletion take, and a workbook's id, too. It is made up when it is empty.
	ID string `json:"id"`
	// ShortID is the old id that the creation calls nodeId and the deletion takes.
	ShortID     string `json:"short_id"`
	WorkspaceID string `json:"workspace_id"`
	// ParentID is a node or the space's root, which is the default.
	ParentID string `json:"parent_id"`
	// Name has no extension.
	Name string `json:"name"`
	// Extension is "adoc" for text, "axls" for a workbook, "able" for a
	// multi-dimensional table, "amind" for a mind map; empty for a folder.
	Extension string `json:"extension,omitempty"`
	// Creator and Modifier are user ids.
	Creator  string    `json:"creator"`
	Modifier string    `json:"modifier"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
	// Deleted nodes are remembered, since a deletion tells them from unknown ones.
	Deleted bool `json:"deleted,omitempty"`
}

// Template is a document template.
type Template struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// DocType is DOC, WORKBOOK or MIND.
	DocType string `json:"doc_type"`
	// Type is public_template, team_template or user_template.
	Type        string `json:"type"`
	WorkspaceID string `json:"workspace_id,omitempty"`
}

const workbookExtension = "axls"

// nodeState is a node and what is in it.
type nodeState struct {
	Node

	book *grid.Book // of workbooks alone
	// ready is when a workbook that was just made can be used.
	ready time.Time
}

// wiki is the knowledge base. The server's lock guards it.
type wiki struct {
	spaces    []*Workspace
	nodes     []*nodeState
	templates []*Template
}

func (w *wiki) space(id string) *Workspace {
	return find(w.spaces, func(o *Workspace) bool { return o.ID == id })
}

func (w *wiki) node(id string) *nodeState {
	return find(w.nodes, func(o *nodeState) bool { return o.ID == id && !o.Deleted })
}

// children lists what lies right below a node or a root.
func (w *wiki) children(id string) []*nodeState {
	return slices.DeleteFunc(slices.Clone(w.nodes), func(o *nodeState) bool { return o.ParentID != id || o.Deleted })
}

// The roles of people in a space.
const (
	roleOwner  = "OWNER"
	roleEditor = "EDITOR"
	roleNone   = "NONE"
)

func (w *Workspace) role(userID string) string {
	switch {
	case w.Creator == userID:
		return roleOwner
	case !w.Personal && (w.Members == nil || slices.Contains(w.Members, userID)):
		return roleEditor
	default:
		return roleNone
	}
}

// AddWorkspace adds a space and returns it with its ids. The error wraps [ErrExists] or,
// for an unknown creator, [ErrNotFound].
func (s *Server) AddWorkspace(w Workspace) (Workspace, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	added, err := s.addWorkspace(w)
	if err != nil {
		return Workspace{}, err
	}
	return *added, nil
}

func (s *Server) addWorkspace(w Workspace) (*Workspace, error) {
	w.ID = cmp.Or(w.ID, s.ids.code(16))
	w.RootNodeID = cmp.Or(w.RootNodeID, s.ids.code(32))
	w.Created = s.now()
	w.Modified = w.Created
	w.Members = slices.Clone(w.Members)
	if s.wiki.space(w.ID) != nil {
		return nil, fmt.Errorf("add workspace %q: id %q %w", w.Name, w.ID, ErrExists)
	}
	if s.directory.user(w.Creator) == nil {
		return nil, fmt.Errorf("add workspace %q: creator %q %w", w.Name, w.Creator, ErrNotFound)
	}
	s.wiki.spaces = append(s.wiki.spaces, &w)
	s.inbox.touch()
	return &w, nil
}

// AddNode adds a folder, document or workbook and returns it with its ids. The creator
// of the space is the default for Creator. A workbook has one empty sheet, "Sheet1". The
// error wraps [ErrExists] or [ErrNotFound], or says what is wrong with the id.
func (s *Server) AddNode(n Node) (Node, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	added, err := s.addNode(n)
	if err != nil {
		return Node{}, err
	}
	return added.Node, nil
}

var nodeIDForm = regexp.MustCompile(`^[A-Za-z0-9]{32}$`)

func (s *Server) addNode(n Node) (*nodeState, error) {
	space := s.wiki.space(n.WorkspaceID)
	if space == nil {
		return nil, fmt.Errorf("add node %q: workspace %q %w", n.Name, n.WorkspaceID, ErrNotFound)
	}
	n.ID, n.ShortID = cmp.Or(n.ID, s.ids.code(32)), cmp.Or(n.ShortID, s.ids.code(8))
	n.ParentID = cmp.Or(n.ParentID, space.RootNodeID)
	n.Creator = cmp.Or(n.Creator, space.Creator)
	n.Modifier = n.Creator
	n.Created = s.now()
	n.Modified = n.Created
	switch {
	case !nodeIDForm.MatchString(n.ID):
		return nil, fmt.Errorf("add node %q: id %q must be 32 letters and digits", n.Name, n.ID)
	case s.wiki.node(n.ID) != nil:
		return nil, fmt.Errorf("add node %q: id %q %w", n.Name, n.ID, ErrExists)
	case n.ParentID != space.RootNodeID && s.wiki.node(n.ParentID) == nil:
		return nil, fmt.Errorf("add node %q: parent %q %w", n.Name, n.ParentID, ErrNotFound)
	}
	state := &nodeState{Node: n}
	if n.Extension == workbookExtension {
		state.book = grid.NewBook("st-" + strings.ToLower(n.ID[:7]) + "-")
	}
	s.wiki.nodes = append(s.wiki.nodes, state)
	s.inbox.touch()
	return state, nil
}

// Workspaces lists the spaces in the order they came.
func (s *Server) Workspaces() []Workspace {
	s.mu.Lock()
	defer s.mu.Unlock()
	return values(s.wiki.spaces)
}

// Nodes lists all nodes in the order they came, deleted ones, too.
func (s *Server) Nodes() []Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Node, len(s.wiki.nodes))
	for i, n := range s.wiki.nodes {
		out[i] = n.Node
	}
	return out
}

const nodeURL = "https://alidocs.dingtalk.com/i/nodes/"

// minuteLayout is how the knowledge base writes times. It is no RFC 3339.
const minuteLayout = "2006-01-02T15:04Z07:00"

func (s *Server) wireSpace(w *Workspace, userID string, withRole bool) object {
	kind := "TEAM"
	if w.Personal {
		kind = "PERSONAL"
	}
	out := object{
		"workspaceId": w.ID, "corpId": s.corpID, "rootNodeId": w.RootNodeID, "name": w.Name, "type": kind,
		"description": w.Description, "url": "https://alidocs.dingtalk.com/i/spaces/" + url.PathEscape(w.ID) + "/overview",
		"icon": object{"type": "EMOJI", "value": "1f4d3"}, "cover": "", "creatorId": w.Creator, "modifierId": w.Creator,
		"createTime": w.Created.Format(minuteLayout), "modifiedTime": w.Modified.Format(minuteLayout),
	}
	if w.TeamID != "" {
		out["teamId"] = w.TeamID
	}
	if withRole {
		out["permissionRole"] = w.role(userID)
	}
	return out
}

func (s *Server) wireNode(n *nodeState, userID string, withRole, withStatistics bool) object {
	kind, name := "FOLDER", n.Name
	if n.Extension != "" {
		kind, name = "FILE", n.Name+"."+n.Extension
	}
	out := object{
		"nodeId": n.ID, "workspaceId": n.WorkspaceID, "name": name, "size": 512, "type": kind, "category": "ALIDOC",
		"url": nodeURL + n.ID, "creatorId": n.Creator, "modifierId": n.Modifier,
		"createTime": n.Created.Format(minuteLayout), "modifiedTime": n.Modified.Format(minuteLayout),
		"createTimestamp": n.Created.UnixMilli(), "modifiedTimestamp": n.Modified.UnixMilli(),
		"hasChildren": len(s.wiki.children(n.ID)) > 0,
	}
	if n.Extension != "" {
		out["extension"] = n.Extension
	}
	if withStatistics {
		out["statisticalInfo"] = object{"wordCount": 0}
	}
	if withRole {
		out["permissionRole"] = s.wiki.space(n.WorkspaceID).role(userID)
	}
	return out
}
