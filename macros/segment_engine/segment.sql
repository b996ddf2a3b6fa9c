{#- The definition of one segment; the only call in a file of macros/segments/. What it
    is given is checked by `check_segment`, which knows the segment's name and file.

    Arguments:
      label, description: what a marketer reads.
      type: one of `segment_types()`.
      owner: team or person answerable, an e-mail address.
      conditions: {name: SQL}; all must hold. The name is what a person reads when
        asking why somebody is a member. The SQL may name columns of customer_360
        (alias c) and of account_360 (alias a), and call the rule helpers.
      entity: 'customer' or 'account'.
      requires: domains without which the rule means nothing (crm, billing, events,
        support, survey). With one of them switched off the segment is reported as
        not evaluated; while one is stale or incomplete it is held.
      min_size, max_share, max_change: bounds of a publishable evaluation: fewest
        members; largest share of all entities (0 to 1); largest share of the
        published members that may enter and leave in one refresh (0 to 1).
      purpose: what the segment is used for.
      review_by: date by which the owner looks at the definition again.
      examples: boundary cases, each {given: {column: value}, member: true or
        false}. Columns not given are null; a value may be `days_ago(n)`.
      expectations: {name: SQL}; what the owner expects of every member besides the
        conditions, over the same columns. Great Expectations audits it; a member that
        contradicts it holds the segment.
      priority_group, priority: of the segments of one group an entity is in the one
        with the lowest priority only (whole numbers, 1 wins). -#}
{% macro segment(
    label,
    description,
    type,
    owner,
    conditions,
    entity='customer',
    requires=[],
    min_size=1,
    max_share=1,
    max_change=1,
    purpose='',
    review_by=none,
    examples=[],
    expectations={},
    priority_group=none,
    priority=none
) %}
    {{- return({
        'label': label,
        'description': description | trim if description is string else description,
        'type': type,
        'owner': owner,
        'conditions': conditions,
        'entity': entity,
        'requires': requires,
        'min_size': min_size,
        'max_share': max_share,
        'max_change': max_change,
        'purpose': purpose,
        'review_by': review_by,
        'examples': examples,
        'expectations': expectations,
        'priority_group': priority_group,
        'priority': priority,
        'unknown_arguments': kwargs.keys() | list + varargs | list,
    }) -}}
{% endmacro %}
