package bunstore

import (
	"reflect"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
)

// Options of a column, in the tag `store` of its field, separated by commas. A
// module's own options name further groups of columns.
const (
	// identity: unique together with the others; only inserts write it.
	optionIdentity = "identity"
	// insert: only inserts write it.
	optionInsert = "insert"
	// damaged: the update of an unreadable row writes it, too.
	optionDamaged = "damaged"
	// unread: selects leave it out.
	optionUnread = "unread"
	// aggregate: holds the id of the aggregate that a history entry or event is of.
	optionAggregate = "aggregate"
	// Ids=NAME draws the values from the table of that name, which has the identity of every
	// row that was ever inserted.
	optionIDs = "ids="
)

// deletedPrefix begins the name of the table with a table's deleted rows.
const deletedPrefix = "deleted_"

// Table lists the columns of a table once: the fields of its rows R. Lists of columns
// and statements are generated from it when it is made, not for each query.
//
// A table of states has a second table with the same columns for deleted rows, whose
// name begins with "deleted_", so that other readers of the database see what exists.
type Table[R any] struct {
	name      string
	alias     string
	ids       string
	db        *bun.DB
	fields    []tableField
	key       []string
	selected  []string
	identity  []string
	updated   []string
	aggregate string
	draw      statement
}

// tableField is a column and where a row holds it.
type tableField struct {
	name    string
	index   []int
	options []string
	// placeholder is "?" with PostgreSQL's type, where it does not infer it.
	placeholder string
	key, serial bool
}

// NewTable reads the columns of a table from the fields of R.
func NewTable[R any](s *Store) *Table[R] {
	found := s.write.Table(reflect.TypeFor[R]())
	t := &Table[R]{name: found.Name, alias: found.Alias, db: s.write}
	partly := false
	for _, f := range found.Fields {
		field := newField(f)
		t.fields = append(t.fields, field)
		if t.ids == "" {
			t.ids = field.value(optionIDs)
		}
		switch {
		case field.key:
			t.key = append(t.key, field.name)
		case field.has(optionAggregate):
			t.aggregate = field.name
		case field.has(optionIdentity):
			t.identity = append(t.identity, field.name)
		case !field.has(optionInsert):
			t.updated = append(t.updated, field.name)
		}
		if field.has(optionUnread) {
			partly = true
			continue
		}
		t.selected = append(t.selected, field.name)
	}
	if !partly {
		t.selected = nil // all
	}
	if t.ids != "" {
		t.draw = t.drawStatement()
	}
	return t
}

func newField(f *schema.Field) tableField {
	field := tableField{name: f.Name, index: f.Index, placeholder: "?", key: f.IsPK, serial: f.AutoIncrement}
	if tag := f.StructField.Tag.Get("store"); tag != "" {
		field.options = strings.Split(tag, ",")
	}
	switch {
	case f.StructField.Type == reflect.TypeFor[column.Timestamp]():
		field.placeholder = "?::timestamptz"
	case field.has("jsonb"):
		field.placeholder = "?::jsonb"
	case field.has("uuid"):
		field.placeholder = "?::uuid"
	}
	return field
}

func (f tableField) has(option string) bool { return slices.Contains(f.options, option) }

// value returns what follows an option that ends in "=", "" without it.
func (f tableField) value(option string) string {
	for _, o := range f.options {
		if value, ok := strings.CutPrefix(o, option); ok {
			return value
		}
	}
	return ""
}

// Selected returns the columns that selects read; nil for all.
func (t *Table[R]) Selected() []string { return t.selected }

// Updated returns the columns that updates write: all but keys, identities, and those
// that only inserts write.
func (t *Table[R]) Updated() []string { return t.updated }

// With returns the columns that have an option, in order.
func (t *Table[R]) With(option string) []string {
	var names []string
	for _, f := range t.fields {
		if f.has(option) {
			names = append(names, f.name)
		}
	}
	return names
}

// Names returns all columns but the serial one, in order.
func (t *Table[R]) Names() []string {
	var names []string
	for _, f := range t.inserted() {
		names = append(names, f.name)
	}
	return names
}

// Insert returns the insert of rows; the database makes serial ids.
func (t *Table[R]) Insert(db bun.IDB, rows *[]R) *bun.InsertQuery {
	return t.withoutSerial(db.NewInsert().Model(rows))
}

// Upsert returns the insert of rows that updates those whose key exists.
func (t *Table[R]) Upsert(db bun.IDB, rows *[]R) *bun.InsertQuery {
	return t.OrUpdate(t.Insert(db, rows))
}

// UpsertIn is Upsert into the table of the deleted rows, or of the others.
func (t *Table[R]) UpsertIn(db bun.IDB, deleted bool, rows *[]R) *bun.InsertQuery {
	return t.Upsert(db, rows).ModelTableExpr(t.aliased(deleted))
}

// OrUpdate makes an insert update the rows whose key exists.
func (t *Table[R]) OrUpdate(q *bun.InsertQuery) *bun.InsertQuery {
	q = q.On("CONFLICT (" + strings.Join(t.key, ", ") + ") DO UPDATE")
	for _, name := range t.updated {
		q = q.Set("? = EXCLUDED.?", bun.Ident(name), bun.Ident(name))
	}
	return q
}

func (t *Table[R]) withoutSerial(q *bun.InsertQuery) *bun.InsertQuery {
	for _, f := range t.fields {
		if f.serial {
			q = q.ExcludeColumn(f.name)
		}
	}
	return q
}

// set sets a column of a row to a number.
func (t *Table[R]) set(row *R, name string, n int64) {
	for _, f := range t.fields {
		if f.name == name {
			reflect.ValueOf(row).Elem().FieldByIndex(f.index).SetInt(n)
		}
	}
}

// inserted returns the fields that an insert writes.
func (t *Table[R]) inserted() []tableField {
	return slices.DeleteFunc(slices.Clone(t.fields), func(f tableField) bool { return f.serial })
}

// statement is SQL with the fields that fill its placeholders.
type statement struct {
	text   string
	fields []tableField
}

// drawStatement draws an id for an identity, and none where the identity exists.
func (t *Table[R]) drawStatement() statement {
	fields := slices.DeleteFunc(slices.Clone(t.fields), func(f tableField) bool { return !f.has(optionIdentity) })
	return statement{fields: fields, text: "INSERT INTO " + t.ids + " (" + names(fields) +
		") VALUES (" + placeholders(fields) +
		") ON CONFLICT (" + strings.Join(t.identity, ", ") + ") DO NOTHING RETURNING id"}
}

// insertStatement inserts a row for each id of the table "drawn".
func (t *Table[R]) insertStatement() statement {
	fields := slices.DeleteFunc(slices.Clone(t.fields), func(f tableField) bool { return f.key })
	return statement{fields: fields, text: "INSERT INTO " + t.name + " (id, " + names(fields) +
		") SELECT id, " + placeholders(fields) + " FROM drawn RETURNING id"}
}

// updateStatement updates a row by its id and version, which follow its arguments.
func (t *Table[R]) updateStatement() statement {
	s := statement{}
	var set []string
	for _, f := range t.fields {
		if slices.Contains(t.updated, f.name) {
			s.fields = append(s.fields, f)
			set = append(set, f.name+" = "+f.placeholder)
		}
	}
	s.text = "UPDATE " + t.name + " SET " + strings.Join(set, ", ") + " WHERE id = ? AND version = ? RETURNING id"
	return s
}

// dependentStatement inserts a row for each id of the table "state".
func (t *Table[R]) dependentStatement() statement {
	fields := slices.DeleteFunc(t.inserted(), func(f tableField) bool { return f.has(optionAggregate) })
	return statement{fields: fields, text: "INSERT INTO " + t.name + " (" + t.aggregate + ", " + names(fields) +
		") SELECT id, " + placeholders(fields) + " FROM state"}
}

// appendArgs appends the arguments of a statement that a row holds.
func (s statement) appendArgs(args []any, row any) []any {
	v := reflect.ValueOf(row)
	for _, f := range s.fields {
		args = append(args, v.FieldByIndex(f.index).Interface())
	}
	return args
}

func names(fields []tableField) string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.name
	}
	return strings.Join(list, ", ")
}

func placeholders(fields []tableField) string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.placeholder
	}
	return strings.Join(list, ", ")
}
