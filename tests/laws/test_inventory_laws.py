"""Laws of machines: an inventory written and read again is the same, and so is what it selects."""

from __future__ import annotations

import json

from hypothesis import given, strategies as st

from nimprofile import dump_inventory, mock_inventory, parse_inventory, products, select
from nimprofile.hardware.catalog import find_product, product_of
from nimprofile.testing import COMMON_PRODUCTS, gpus, inventories, situations


@given(inventories())
def test_inventory_to_json_to_inventory_is_the_identity(inventory):
    text = json.dumps(dump_inventory(inventory))

    assert inventory == parse_inventory(text)
    assert text == json.dumps(dump_inventory(parse_inventory(text)))


@given(inventories())
def test_what_is_null_may_be_left_out(inventory):
    data = dump_inventory(inventory)
    known = {key: value for key, value in data.items() if value is not None}
    known["gpus"] = [
        {key: value for key, value in gpu.items() if value is not None} for gpu in data["gpus"]
    ]

    assert inventory == parse_inventory(json.dumps(known))


@given(inventories(), st.randoms(use_true_random=False))
def test_the_order_of_the_list_and_of_the_keys_never_matters(inventory, random):
    data = dump_inventory(inventory)
    random.shuffle(data["gpus"])
    shuffled = [dict(random.sample(list(gpu.items()), len(gpu))) for gpu in data["gpus"]]

    assert inventory == parse_inventory(json.dumps(data | {"gpus": shuffled}))


@given(situations())
def test_a_saved_machine_selects_what_the_machine_itself_selects(situation):
    saved = parse_inventory(json.dumps(dump_inventory(situation.inventory)))

    assert select(*situation) == select(*situation._replace(inventory=saved))


@given(inventories())
def test_gpus_stand_in_the_order_of_their_indices(inventory):
    indices = [gpu.index for gpu in inventory.gpus]

    assert sorted(set(indices)) == indices


@given(gpus(strange=False, products=[product.short for product in products()]))
def test_a_catalogued_gpu_is_known_by_its_id_or_by_its_whole_name(gpu):
    product = product_of(gpu)
    shared = [other.name for other in products()].count(gpu.name) > 1

    assert product is not None or (shared and gpu.device_id is None)
    assert product is None or gpu.device_id is None or gpu.device_id in product.device_ids


@given(st.sampled_from(products()), st.integers(1, 16), st.data())
def test_every_spelling_of_a_product_describes_the_same_machine(product, count, data):
    spelling = data.draw(st.sampled_from([product.short, *sorted(product.spellings)]))

    assert mock_inventory(f"{count}x{product.short}") == mock_inventory(f"{count}x{spelling}")
    assert product is find_product(spelling.upper())


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(COMMON_PRODUCTS)), min_size=1))
def test_a_description_has_so_many_gpus_of_each_product_in_that_order(parts):
    machine = mock_inventory(",".join(f"{count}x{name}" for count, name in parts))

    assert [name for count, name in parts for _ in range(count)] == [
        product_of(gpu).short for gpu in machine.gpus
    ]
    assert list(range(len(machine.gpus))) == [gpu.index for gpu in machine.gpus]
