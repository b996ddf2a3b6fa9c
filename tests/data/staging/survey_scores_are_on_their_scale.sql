-- A score outside its scale would be counted as the worst or the best answer.
{{ config(severity='warn') }}

select
    response_id,
    kind,
    score
from {{ ref('stg_survey__responses') }}
where
    (kind = 'nps' and (score < 0 or score > 10))
    or (kind = 'csat' and (score < 1 or score > 5))
    or (kind = 'ces' and (score < 1 or score > 7))
