//! The tables, as the specification lists them.

use super::kind::SchemaKind;

/// A table and its columns; `{schema}` is its own schema.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) table: &'static str,
    pub(super) columns: &'static str,
}

/// In the order in which they refer to each other.
pub(super) fn tables(kind: SchemaKind) -> &'static [Template] {
    match kind {
        SchemaKind::Public => &PUBLIC,
        SchemaKind::Project => &PROJECT,
    }
}

static PUBLIC: [Template; 4] = [
    Template {
        table: "projects",
        columns: "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE, \
                  description text, created_at timestamptz DEFAULT now(), \
                  updated_at timestamptz DEFAULT now(), status text DEFAULT 'active', \
                  metadata jsonb DEFAULT '{}'",
    },
    Template {
        table: "prompts",
        columns: "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, \
                  content text NOT NULL, description text, \
                  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(), \
                  version integer DEFAULT 1, metadata jsonb DEFAULT '{}', \
                  project_id uuid REFERENCES {schema}.projects ON DELETE CASCADE, \
                  UNIQUE (name, project_id)",
    },
    Template {
        table: "object_models",
        columns: "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE, \
                  description text, created_at timestamptz DEFAULT now(), \
                  updated_at timestamptz DEFAULT now(), definition jsonb NOT NULL, \
                  version integer DEFAULT 1, metadata jsonb DEFAULT '{}'",
    },
    Template {
        table: "llm_usage",
        columns: "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), \
                  \"timestamp\" timestamptz DEFAULT now(), model text NOT NULL, \
                  prompt_tokens integer NOT NULL, completion_tokens integer NOT NULL, \
                  total_tokens integer NOT NULL, cost numeric(10,6) NOT NULL, \
                  project_id uuid REFERENCES {schema}.projects ON DELETE SET NULL, \
                  prompt_id uuid REFERENCES {schema}.prompts ON DELETE SET NULL, \
                  request_id text, metadata jsonb DEFAULT '{}'",
    },
];

static PROJECT: [Template; 5] = [
    Template {
        table: "content",
        columns: "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text, \
                  content text NOT NULL, content_type text NOT NULL, \
                  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(), \
                  status text DEFAULT 'draft', metadata jsonb DEFAULT '{}', content_data jsonb, \
                  source_id uuid, prompt_id uuid REFERENCES public.prompts ON DELETE SET NULL",
    },
    Template {
        table: "metadata",
        columns: "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), \
                  content_id uuid NOT NULL REFERENCES {schema}.content ON DELETE CASCADE, \
                  metadata_type text NOT NULL, metadata_value jsonb NOT NULL, \
                  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(), \
                  UNIQUE (content_id, metadata_type)",
    },
    Template {
        table: "vocabulary",
        columns: "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), term text NOT NULL, \
                  definition text NOT NULL, category text, \
                  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(), \
                  metadata jsonb DEFAULT '{}', UNIQUE (term, category)",
    },
    Template {
        table: "templates",
        columns: "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, \
                  description text, content text NOT NULL, type text NOT NULL, \
                  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(), \
                  metadata jsonb DEFAULT '{}'",
    },
    Template {
        table: "topics",
        columns: "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, \
                  description text, keywords jsonb, created_at timestamptz DEFAULT now(), \
                  updated_at timestamptz DEFAULT now(), metadata jsonb DEFAULT '{}'",
    },
];
