{#- What is wrong with the seeds experiments and experiment_arms, as a list of messages, each of
    which names the experiment and what is accepted.

    Arguments: experiments and arms, rows of the seeds; events, the names of events there are,
    none where the domain has no source. -#}
{% macro check_experiments(experiments, arms, events) -%}
    {%- set problems = [] -%}
    {%- set metrics = experiment_metrics() | list -%}
    {%- for one in experiments -%}
        {%- set found = [] -%}
        {%- set own = arms | selectattr('experiment_id', 'equalto', one.experiment_id) | list -%}
        {%- set controls = own | selectattr('is_control') | map(attribute='arm') | list -%}
        {%- if (one.conversion_event is none) == (one.conversion_metric is none) -%}
            {%- do found.append(
                ('both' if one.conversion_event else 'neither')
                ~ ' of conversion_event and conversion_metric. It takes one of them'
            ) -%}
        {%- elif one.conversion_metric is not none and one.conversion_metric not in metrics -%}
            {%- do found.append(
                "the conversion_metric '" ~ one.conversion_metric ~ "'. Accepted: " ~ metrics | join(', ')
            ) -%}
        {%- elif one.conversion_event is not none and events is not none and one.conversion_event not in events -%}
            {%- do found.append(
                "the conversion_event '" ~ one.conversion_event ~ "', which nobody did yet and the seeds "
                ~ 'product_features and onboarding_steps do not list. The nearest: '
                ~ nearest_names(one.conversion_event, events) | join(', ') ~ '. Accepted: ' ~ events | sort | join(', ')
            ) -%}
        {%- endif -%}
        {%- if one.conversion_days < 1 -%}
            {%- do found.append('the conversion_days ' ~ one.conversion_days ~ '. It takes a whole number from 1') -%}
        {%- endif -%}
        {%- if one.ends_at is not none and one.ends_at | string <= one.starts_at | string -%}
            {%- do found.append('the ends_at ' ~ one.ends_at ~ '. It takes an instant after starts_at, ' ~ one.starts_at) -%}
        {%- endif -%}
        {%- if own | length < 2 or own | length > 10 -%}
            {%- do found.append((own | length) ~ ' arms in experiment_arms.csv. It takes 2 to 10') -%}
        {%- elif controls | length != 1 -%}
            {%- do found.append((controls | join(', ') or 'no arm') ~ ' with is_control. It takes exactly one arm') -%}
        {%- endif -%}
        {%- for arm in own if arm.share <= 0 or not arm.arm | trim -%}
            {%- do found.append(
                "the arm '" ~ arm.arm ~ "' with the share " ~ arm.share ~ '. It takes a name and a share above 0'
            ) -%}
        {%- endfor -%}
        {%- if own | map(attribute='share') | sum > 1 -%}
            {%- do found.append(
                'shares that are ' ~ own | map(attribute='share') | sum ~ ' together. They are at most 1'
            ) -%}
        {%- endif -%}
        {%- for problem in found -%}
            {%- do problems.append(
                "The experiment '" ~ one.experiment_id ~ "' (seeds/reference/experiments.csv) has " ~ problem ~ '.'
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(problems) -}}
{%- endmacro %}
