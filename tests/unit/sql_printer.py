"""Random statements of pipelines, and how they are written as SQL in one of the many ways that mean the same."""

import re
from dataclasses import fields, is_dataclass, replace

from hypothesis import strategies as st

from livetables.sql.statements import (
    MATERIALIZED_VIEW,
    STREAMING_TABLE,
    TABLE,
    VIEW,
    Cdc,
    ColumnChoice,
    ColumnDefinition,
    Constraint,
    CreateDataset,
    CreateFlow,
    CreateFunction,
    DottedName,
    Insert,
    KeyConstraint,
    RowFilterClause,
    SetConf,
    SqlText,
    Use,
)


def some(*texts):
    """Return a strategy for parts of statements that Spark parses, as they stand."""
    return st.sampled_from(texts).map(lambda text: SqlText(text, 0))


PLAIN = st.sampled_from(("a", "b1", "_c", "größe", "key", "Day"))
IDENTIFIERS = PLAIN | st.text(min_size=1, max_size=6).filter(lambda text: text.upper() != "LIVE")
NAMES = st.lists(IDENTIFIERS, min_size=1, max_size=3).map(lambda parts: DottedName(tuple(parts), 0))
MANY = st.lists(IDENTIFIERS, min_size=1, max_size=3).map(tuple)
STRINGS = st.text(max_size=8) | st.sampled_from(("it's; -- no comment", '"', "\\%_", "\\", "/* ${x} :y */"))
EXPRESSIONS = some(
    "id", "a.b", "x = ';'", "f(a, (b))", "CASE WHEN a THEN 'WHERE' END", "`KEYS` > 1 -- ;\n + 2", "a IN (1)"
)
QUERIES = some(
    "SELECT 1",
    "WITH x AS (SELECT ';') SELECT * FROM x",
    "(SELECT a FROM STREAM b)",
    "FROM b\nSELECT /* ; */ *",
    "TABLE b",
    "VALUES ('AS', \"FLOW\")",
)
TYPES = st.sampled_from(
    (
        "INT",
        "decimal(10, 2)",
        "ARRAY<STRUCT<a: INT COMMENT 'x, y', b: MAP<STRING, INT>>>",
        "BIGINT NOT NULL",
        "BOOLEAN GENERATED ALWAYS AS (a > f(1, 2))",
        "DOUBLE NOT NULL",
    )
)
CHOICES = st.builds(ColumnChoice, MANY, st.booleans())


@st.composite
def columns(draw, *, typed):
    """Return a column of a list."""
    comment = draw(st.none() | st.sampled_from(("c", "a, b)")))
    said = [draw(TYPES)] if typed else []
    said += [] if comment is None else [f"COMMENT '{comment}'"]
    return ColumnDefinition(draw(IDENTIFIERS), SqlText(" ".join(said), 0), typed, comment)


CONSTRAINTS = st.builds(Constraint, IDENTIFIERS, EXPRESSIONS, st.sampled_from(("warn", "drop", "fail")), st.just(0))
KEYS = st.builds(KeyConstraint, some("PRIMARY KEY (id, b)", "CONSTRAINT k FOREIGN KEY (id) REFERENCES s.b (id)"))


@st.composite
def inserts(draw):
    """Return a flow that inserts, in one of its ways."""
    how = draw(st.sampled_from(("", "using", "where")))
    return Insert(
        draw(QUERIES),
        draw(st.booleans()),
        replace_using=draw(MANY) if how == "using" else (),
        sequence=draw(EXPRESSIONS) if how == "using" else None,
        replace_where=draw(EXPRESSIONS) if how == "where" else None,
    )


@st.composite
def cdc(draw):
    """Return a flow of AUTO CDC, whose clauses go together."""
    history, ignores, updates = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    maybe = st.none() | EXPRESSIONS
    return Cdc(
        draw(some("STREAM(b)", "b", "stream s.b", "STREAM read_files('/p;q')", "(SELECT * FROM STREAM b)")),
        draw(MANY),
        draw(EXPRESSIONS),
        draw(st.booleans()),
        ignore_null_updates=ignores,
        ignored=draw(st.none() | CHOICES) if ignores else None,
        where=draw(maybe),
        deletes=draw(maybe),
        truncates=None if history else draw(maybe),
        columns=draw(st.none() | CHOICES),
        columns_to_update=draw(EXPRESSIONS) if updates and not ignores else None,
        stored_as="2" if history else "1",
        tracked=draw(st.none() | CHOICES) if history else None,
    )


@st.composite
def datasets(draw):
    """Return a table or view with what its kind can have."""
    kind = draw(st.sampled_from((STREAMING_TABLE, MATERIALIZED_VIEW, TABLE, VIEW)))
    live = kind != TABLE and draw(st.booleans())
    typed = kind != VIEW and draw(st.booleans())
    dataset = CreateDataset(
        kind,
        draw(NAMES),
        0,
        live=live,
        private=draw(st.booleans()),
        if_not_exists=draw(st.booleans()),
        columns=tuple(draw(st.lists(columns(typed=typed), max_size=2))),
        constraints=tuple(draw(st.lists(CONSTRAINTS, max_size=2))) if live or kind != VIEW else (),
        keys=tuple(draw(st.lists(KEYS, max_size=1))),
        comment=draw(st.none() | STRINGS),
        properties=draw(st.dictionaries(STRINGS.filter(bool), STRINGS, max_size=2)),
        query=draw(QUERIES),
    )
    if kind == VIEW:
        return dataset
    layout = draw(st.sampled_from(("", "partitioned_by", "cluster_by")))
    dataset = replace(
        dataset,
        **({layout: draw(MANY)} if layout else {"cluster_by_auto": draw(st.booleans())}),
        location=draw(st.none() | STRINGS),
        using=draw(st.sampled_from((None, "delta", "DELTA"))),
        row_filter=draw(st.none() | st.builds(RowFilterClause, NAMES, MANY | st.just(()))),
        schedule=draw(
            st.none()
            | some(
                "SCHEDULE EVERY 1 HOUR",
                "schedule refresh cron '0 * * *' at time zone 'UTC'",
                "TRIGGER ON UPDATE",
                "TRIGGER ON UPDATE AT MOST EVERY INTERVAL 2 DAYS",
            )
        ),
    )
    if kind == MATERIALIZED_VIEW:
        policies = (None, "auto", "incremental", "incremental_strict", "full")
        return replace(dataset, refresh_policy=draw(st.sampled_from(policies)))
    if kind == STREAMING_TABLE and draw(st.booleans()):
        return replace(dataset, query=None, flow=draw(inserts() | cdc()))
    return replace(dataset, query=draw(st.none() | QUERIES))


FLOWS = st.builds(CreateFlow, NAMES, NAMES, inserts() | cdc(), st.just(0), st.none() | STRINGS)
SETS = st.builds(
    SetConf,
    st.from_regex(r"\A[a-z]{2,4}(\.[a-z]+)?\Z"),
    st.none() | st.sampled_from(("4", "'a;b'", "10 seconds", "/x, y")),
    st.just(0),
)
USES = st.builds(Use, IDENTIFIERS, st.none() | IDENTIFIERS, st.just(0)) | st.builds(
    Use, st.none(), IDENTIFIERS, st.just(0)
)
FUNCTIONS = st.builds(CreateFunction, NAMES, some("(x INT) RETURNS INT RETURN x", "() RETURN ';'"), st.just(0))
STATEMENTS = datasets() | FLOWS | SETS | USES | FUNCTIONS


def without_places(value):
    """Return a statement with all positions 0."""
    if isinstance(value, tuple):
        return tuple(map(without_places, value))
    if not is_dataclass(value):
        return value
    said = {field.name: without_places(getattr(value, field.name)) for field in fields(value)}
    return replace(value, **{name: 0 if name == "start" else part for name, part in said.items()})


GAPS = st.sampled_from((" ", "\n", "\t ", " -- it's; \n", "/* ; ' /* \" */ */", "\n--\n"))
_ACTIONS = {"warn": "", "drop": "ON VIOLATION DROP ROW", "fail": "ON VIOLATION FAIL UPDATE"}


class Printer:
    """Writes statements; `draw` decides on case, gaps, order and all that means the same."""

    def __init__(self, draw):
        self.draw = draw

    def one(self, *forms):
        """Return one of these."""
        return self.draw(st.sampled_from(forms))

    def words(self, keywords):
        """Return keywords in some letter case."""
        return [self.one(word, word.lower(), word.title()) for word in keywords.split()]

    def identifier(self, name):
        """Return a name as it stands or in back-quotes."""
        quoted = "`" + name.replace("`", "``") + "`"
        return self.one(name, quoted) if re.fullmatch(r"a|b1|_c|größe|key|Day", name) else quoted

    def name(self, name):
        """Return the tokens of a dotted name."""
        prefix = [*self.words("LIVE"), "."] if self.one(True, False) else []
        parts = [token for part in name.parts for token in (".", self.identifier(part))]
        return [*prefix, *parts[1:]]

    def string(self, text):
        """Return a string in either kind of quotes."""
        quote = self.one("'", '"')
        return quote + text.replace("\\", "\\\\").replace(quote, self.one(quote * 2, "\\" + quote)) + quote

    def listed(self, entries):
        """Return entries, each a list of tokens, in brackets."""
        between = [token for entry in entries for token in (",", *entry)]
        return ["(", *between[1:], ")"]

    def identifiers(self, names):
        """Return names in brackets."""
        return self.listed([self.identifier(name)] for name in names)

    def choice(self, choice):
        """Return a choice of columns, whose brackets are not needed."""
        if choice.but:
            return ["*", *self.words("EXCEPT"), *self.identifiers(choice.names)]
        tokens = self.identifiers(choice.names)
        return self.one(tokens, tokens[1:-1])

    def clauses(self, *clauses):
        """Return those of (keywords, tokens) whose tokens are there, in some order."""
        said = [[*self.words(keywords), *tokens] for keywords, tokens in clauses if tokens is not None]
        return [token for clause in self.draw(st.permutations(said)) for token in clause]

    def statement(self, statement):  # noqa: PLR0911 (one for each kind)
        """Return the tokens of a statement."""
        match statement:
            case CreateDataset():
                return self.dataset(statement)
            case CreateFlow(name, target, flow, _, comment):
                said = [] if comment is None else [*self.words("COMMENT"), self.string(comment)]
                into = [*self.words("INTO"), *self.name(target)]
                return [*self.words("CREATE FLOW"), *self.name(name), *said, *self.words("AS"), *self.flow(flow, into)]
            case SetConf(key, value):
                return [*self.words("SET"), key, *([] if value is None else ["=", value])]
            case Use(None, schema):
                return [
                    *self.words(self.one("USE", "USE SCHEMA", "USE DATABASE")),
                    *self.name(DottedName((schema,), 0)),
                ]
            case Use(catalog, None):
                return [*self.words("USE CATALOG"), self.identifier(catalog)]
            case Use(catalog, schema):
                return [
                    *self.words(self.one("USE", "USE SCHEMA")),
                    self.identifier(catalog),
                    ".",
                    self.identifier(schema),
                ]
            case CreateFunction(name, text):
                return [
                    *self.words(self.one("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")),
                    *self.name(name),
                    text.text,
                ]

    def dataset(self, made):
        """Return the tokens of CREATE."""
        kinds = {STREAMING_TABLE: "STREAMING LIVE TABLE", MATERIALIZED_VIEW: "LIVE TABLE", VIEW: "STREAMING LIVE VIEW"}
        kind = kinds[made.kind] if made.live else made.kind.upper()
        head = [*self.words(self.one("CREATE", "CREATE OR REFRESH", "CREATE OR REPLACE"))]
        head += self.words(self.one("TEMPORARY", "TEMP", "PRIVATE")) if made.private else []
        head += [*self.words(kind), *(self.words("IF NOT EXISTS") if made.if_not_exists else []), *self.name(made.name)]
        entries = [*made.columns, *made.constraints, *made.keys]
        order = self.draw(st.permutations([type(entry) for entry in entries]))
        by_type = {kind: iter([entry for entry in entries if type(entry) is kind]) for kind in order}
        said = [self.entry(next(by_type[kind])) for kind in order]
        properties = [
            [*self.key(key), *self.one(["="], []), self.string(made.properties[key])] for key in made.properties
        ]
        clauses = self.clauses(
            ("COMMENT", None if made.comment is None else [self.string(made.comment)]),
            ("TBLPROPERTIES", self.listed(properties) if properties else None),
            ("PARTITIONED BY", self.identifiers(made.partitioned_by) if made.partitioned_by else None),
            ("CLUSTER BY", self.identifiers(made.cluster_by) if made.cluster_by else None),
            ("CLUSTER BY AUTO", [] if made.cluster_by_auto else None),
            ("LOCATION", None if made.location is None else [self.string(made.location)]),
            ("USING", None if made.using is None else [made.using]),
            ("WITH ROW FILTER", None if made.row_filter is None else self.row_filter(made.row_filter)),
            (
                "REFRESH POLICY",
                None if made.refresh_policy is None else self.words(made.refresh_policy.replace("_", " ")),
            ),
            ("", None if made.schedule is None else [made.schedule.text]),
        )
        tail = [] if made.query is None else [*self.words("AS"), made.query.text]
        tail = tail if made.flow is None else [*self.words("FLOW"), *self.flow(made.flow, [])]
        return [*head, *(self.listed(said) if said else []), *clauses, *tail]

    def key(self, key):
        """Return the key of a property, whose dots may separate names."""
        return self.name_parts(key) if re.fullmatch(r"\w+(\.\w+)*", key, re.ASCII) else [self.string(key)]

    def name_parts(self, key):
        """Return a dotted key in one of its forms."""
        dotted = [token for part in key.split(".") for token in (".", f"`{part}`")][1:]
        return self.one(dotted, [self.string(key)])

    def row_filter(self, row_filter):
        """Return a function and its columns."""
        return [*self.name(row_filter.function), *self.words("ON"), *self.identifiers(row_filter.columns)]

    def entry(self, entry):
        """Return the tokens of an entry of a list."""
        match entry:
            case ColumnDefinition(name, text):
                return [self.identifier(name), text.text]
            case Constraint(name, predicate, action):
                said = [
                    *self.words("CONSTRAINT"),
                    self.identifier(name),
                    *self.words("EXPECT"),
                    "(",
                    predicate.text,
                    ")",
                ]
                return [*said, *self.words(_ACTIONS[action])]
            case KeyConstraint(text):
                return [text.text]

    def flow(self, flow, into):
        """Return what fills a table; `into` names it, unless the flow stands in it."""
        once = self.words("ONCE") if flow.once else []
        if isinstance(flow, Cdc):
            return [*self.words(self.one("AUTO CDC", "APPLY CHANGES")), *once, *into, *self.cdc(flow)]
        parts = []
        if flow.replace_using:
            sequence = [*self.words("SEQUENCE BY"), flow.sequence.text]
            parts = [*self.words("REPLACE USING"), *self.identifiers(flow.replace_using), *sequence]
        if flow.replace_where is not None:
            parts = [*self.words("REPLACE WHERE"), flow.replace_where.text]
        parts += self.words("BY NAME") if parts or self.one(True, False) else []
        insert = [*self.words("INSERT"), *self.one([*once, *into], [*into[:1], *once, *into[1:]])]
        bare = parts and parts[0].upper() == "REPLACE" and not into and not once and self.one(True, False)
        return [*([] if bare else insert), *parts, flow.query.text]

    def cdc(self, flow):
        """Return FROM, and the clauses behind the source."""
        ignored = None if flow.ignored is None else [*self.words("ON"), *self.choice(flow.ignored)]
        texts = {
            "WHERE": flow.where,
            "APPLY AS DELETE WHEN": flow.deletes,
            "APPLY AS TRUNCATE WHEN": flow.truncates,
            "SEQUENCE BY": flow.sequence,
            "COLUMNS TO UPDATE": flow.columns_to_update,
        }
        stored = ["2"] if flow.stored_as == "2" else self.one(None, ["1"])
        clauses = self.clauses(
            *((keywords, None if text is None else [text.text]) for keywords, text in texts.items()),
            ("KEYS", self.identifiers(flow.keys)),
            ("IGNORE NULL UPDATES", ignored or [] if flow.ignore_null_updates else None),
            ("COLUMNS", None if flow.columns is None else self.choice(flow.columns)),
            ("TRACK HISTORY ON", None if flow.tracked is None else self.choice(flow.tracked)),
            ("STORED AS SCD TYPE", stored),
        )
        return [*self.words("FROM"), flow.source.text, *clauses]

    def text(self, statement):
        """Return a statement as SQL, with gaps between its tokens."""
        tokens = [token for token in self.statement(statement) if token]
        gaps = self.draw(st.lists(GAPS, min_size=len(tokens), max_size=len(tokens)))
        return "".join(gap + token for gap, token in zip(gaps, tokens, strict=True))
