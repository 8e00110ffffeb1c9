package flagapi

import "github.com/signalbox-hq/signalbox/adapters/ginapi/rest"

// The types here describe JSON that the domain reads and writes itself; only the
// document uses them.

// definitionJSON is the definition of a flag. What is null or left out of a
// change stays as it is; lists and objects are replaced whole.
type definitionJSON struct {
	IsEnabled         *bool          `json:"is_enabled,omitzero" doc:"A disabled flag serves off_variant, or no value; false if not given at creation"`
	RolloutPercentage *float64       `json:"rollout_percentage,omitzero" minimum:"0" maximum:"100" doc:"Of a boolean flag: the share that the default gives on, with up to four decimals; 100 if not given at creation"`
	TargetUsers       []string       `json:"target_users,omitzero" maxItems:"10000" doc:"Users that always get on, or target_variant; 1 to 255 bytes each"`
	Type              string         `json:"type,omitzero" enum:"boolean,string,integer,float,object" doc:"The type of the values; boolean if not given; it does not change while the flag exists"`
	Variants          map[string]any `json:"variants,omitzero" doc:"1 to 100 values by name; on and off of a boolean flag if not given"`
	OffVariant        *string        `json:"off_variant,omitzero" doc:"The variant of the disabled flag; the empty string for no value"`
	TargetVariant     *string        `json:"target_variant,omitzero" doc:"The variant for target_users, if it is not on"`
	Rules             []ruleJSON     `json:"rules,omitzero" maxItems:"100" doc:"Evaluated in this order, after target_users"`
	Default           *servingJSON   `json:"default,omitzero" doc:"The variant or allocation if no rule decides"`
	BucketBy          *string        `json:"bucket_by,omitzero" doc:"The attribute to bucket by instead of the targeting key"`
	RolloutGroup      *string        `json:"rollout_group,omitzero" doc:"Flags of one group put a key into the same bucket"`
}

// servingJSON is either a variant or an allocation.
type servingJSON struct {
	Variant    *string              `json:"variant,omitzero" doc:"For everyone"`
	Allocation map[string]int64     `json:"allocation,omitzero" doc:"Weights by variant; they sum to 1000000"`
	Ranges     map[string][][]int64 `json:"ranges,omitzero" doc:"The buckets of each variant, half-open; ignored in requests"`
}

// ruleJSON serves something to contexts for which all its conditions hold.
type ruleJSON struct {
	ID         *string         `json:"id,omitzero" doc:"Keeps an allocation's users when rules are replaced; made up if not given"`
	Conditions []conditionJSON `json:"conditions,omitzero" doc:"All must hold; none holds always"`
	Share      *shareJSON      `json:"share,omitzero" doc:"Limits the rule to a share of users"`
	servingJSON
}

// shareJSON includes a part of the contexts that a rule matches.
type shareJSON struct {
	Percentage float64 `json:"percentage" minimum:"0" maximum:"100"`
	Outside    string  `json:"outside,omitzero" enum:"fall_through,variant" doc:"Others continue with the next rule, or get variant"`
	Variant    *string `json:"variant,omitzero"`
}

// conditionJSON is a condition on an attribute, or a group: any, all or none of
// its members hold.
type conditionJSON struct {
	Attribute  string          `json:"attribute,omitzero" doc:"A member of the context, with dots for those inside it"`
	Operator   string          `json:"operator,omitzero" enum:"equals,in,starts_with,ends_with,contains,matches,greater,greater_or_equal,less,less_or_equal,before,after,semver_equal,semver_greater,semver_less,in_cidr,exists"`
	Values     []any           `json:"values,omitzero" doc:"One of them suffices; a value of another type never holds"`
	Negate     bool            `json:"negate,omitzero"`
	IgnoreCase bool            `json:"ignore_case,omitzero" doc:"By Unicode's simple case folding"`
	Unit       string          `json:"unit,omitzero" enum:"seconds,milliseconds" doc:"Of numbers that before and after compare: since 1970"`
	Any        []conditionJSON `json:"any,omitzero"`
	All        []conditionJSON `json:"all,omitzero"`
	None       []conditionJSON `json:"none,omitzero"`
}

// createJSON is the body that creates a flag.
type createJSON struct {
	Name        string  `json:"name" doc:"1 to 255 of A-Z a-z 0-9 . _ : / -, beginning with a letter or digit"`
	Environment string  `json:"environment" doc:"One of the supported environments"`
	Description *string `json:"description,omitzero" doc:"UTF-8 without NUL, at most 4 KiB"`
	definitionJSON
}

// changeJSON is the body that changes a flag.
type changeJSON struct {
	Description *string `json:"description,omitzero" doc:"UTF-8 without NUL, at most 4 KiB"`
	definitionJSON
	Repack bool `json:"repack,omitzero" doc:"Recompute allocations, even if users change variants"`
}

// flagJSON is a flag as it stands.
type flagJSON struct {
	ID          int64   `json:"id" doc:"Immutable numeric id"`
	Name        string  `json:"name"`
	Environment string  `json:"environment"`
	Description *string `json:"description"`
	definitionJSON
	Salt      string `json:"salt,omitzero" doc:"Makes the flag's buckets independent of others'; 16 bytes in hex"`
	Version   int64  `json:"version" doc:"Counts every change from 1"`
	CreatedAt string `json:"created_at" format:"date-time"`
	UpdatedAt string `json:"updated_at" format:"date-time"`
	UpdatedBy string `json:"updated_by" doc:"The name of the API key, or anonymous"`
	Deleted   bool   `json:"deleted,omitzero" doc:"True in lists of deleted ones"`
	Damaged   bool   `json:"damaged,omitzero" doc:"True where what is stored of it cannot be read: only id, name, environment and version are known, and its definition is left out. It can be deleted"`
}

// draftJSON is the definition in one version.
type draftJSON struct {
	Description *string `json:"description"`
	definitionJSON
	Salt string `json:"salt,omitzero"`
}

// flagEntryJSON is one version of a flag's history.
type flagEntryJSON struct {
	ID             int64                `json:"id"`
	FlagID         int64                `json:"flag_id"`
	Version        int64                `json:"version"`
	Action         string               `json:"action" enum:"create,update,rollback,delete,unknown" doc:"unknown if damaged"`
	Old            *rest.Raw[draftJSON] `json:"old" doc:"Value before, or null"`
	New            *rest.Raw[draftJSON] `json:"new" doc:"Value after, or null"`
	ChangedBy      string               `json:"changed_by" doc:"The name of the API key, or anonymous"`
	ChangedByKeyID *string              `json:"changed_by_key_id"`
	ChangedAt      string               `json:"changed_at" format:"date-time"`
	RequestID      string               `json:"request_id"`
	Damaged        bool                 `json:"damaged,omitzero" doc:"True where what is stored of it cannot be read: only id and version are known"`
}

// previewJSON is what a change would do.
type previewJSON struct {
	Version int64               `json:"version" doc:"The version that the change was tried on"`
	Changes bool                `json:"changes" doc:"Whether anything would change"`
	Before  rest.Raw[draftJSON] `json:"before"`
	After   rest.Raw[draftJSON] `json:"after"`
	Moves   []moveJSON          `json:"moves" nullable:"false" doc:"The shares of users that would go from one variant to another; empty where none would"`
}

// moveJSON is a share of users that goes from one variant to another, of those
// whose evaluation reaches that place.
type moveJSON struct {
	Place      string  `json:"place" enum:"default,rule,share,outside" doc:"share: inside or outside the rule's share; outside: the variant of users that the share excludes"`
	Rule       *string `json:"rule,omitzero" nullable:"false"`
	From       *string `json:"from" doc:"Null for no value, or to continue with the next rule; inside or outside for a share"`
	To         *string `json:"to"`
	Buckets    int64   `json:"buckets" doc:"Of 1000000"`
	Percentage float64 `json:"percentage"`
	Expected   bool    `json:"expected,omitzero" doc:"True where bucket_by or rollout_group changes: an estimate, not exact"`
}
